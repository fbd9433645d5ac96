"""One VM of Hyper-V: what its readings mean, one after the other, given what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import (
    BASE_MEMORY,
    DeviceFigures,
    Grounds,
    Means,
    Observed,
    VmMemoryMoved,
    VmObserved,
    WhyMoved,
)
from domain.observed.vm import ObservedVm
from domain.settings import Mode
from domain.state import Power
from nilometer.importers.hyperv.jobs import UNKNOWN, Who
from nilometer.importers.hyperv.readings import VmReading
from nilometer.importers.hyperv.told import JobOf, Told, Window, no_job
from nilometer.ledger.requests import Fact
from nilometer.times import seconds_between

FRESH: Final = 6 * 3600
"""Seconds: a figure that did not move is told again after so long, so that it is known not to have moved."""
ON: Final = (Power.RUNNING, Power.PAUSED)
LISTED: Final = 600
"""Seconds: so long after a host told of a VM that runs there, another that lists it without running it is passed over.

During a migration, and with a replica, a VM is listed on two hosts.
"""


class VmTrack:
    """A VM. What is known of it is the fold of what was told; the rest is what readings are compared with."""

    def __init__(self, id: str, tell: Callable[[Told], None]) -> None:
        self.id = id
        self.fold = ObservedVm.begin(id)
        self.give = tell
        self.job_of: JobOf = no_job
        """Who gave the job that explains a reading."""
        self.host_free: int | None = None
        self.at: str | None = None
        """When it was last read."""
        self.power_at: str | None = None
        """When a log last told its power state."""
        self.uptime: int | None = None
        self.stable: int | None = None
        """What it was assigned at the last reading."""
        self.latest: VmReading | None = None
        self.quiet = False
        """No request waits: a reading like the last is no news."""
        self.unreported = False
        """It runs, and has not said yet what it is assigned."""
        self.window: Window | None = None
        self.own: Who | None = None
        """Who has changed something since the last reading, which the next may show."""
        self.who: dict[int, Who] = {}
        """Who asked, by the number of the request that is still open."""

    @property
    def power_since(self) -> str | None:
        """Since when its power state can have changed. Of memory a log says nothing: that was last read at ``at``."""
        return max(filter(None, (self.at, self.power_at)), default=None)

    # Telling

    def tell(
        self,
        event: Observed,
        happened: str,
        earliest: str | None = None,
        *,
        request: int | None = None,
        who: Who | None = None,
    ) -> None:
        """The next event of this VM."""
        moment = UtcTime(happened)
        since = UtcTime(earliest) if earliest is not None and earliest < happened else None
        self.quiet = False
        self.fold.apply(event, moment, since)
        story = None if request is None else f"{self.id}/{request}"
        self.give(Told(Fact(vm_stream(self.id), event, moment, since), story, who))

    def sync(self, fold: ObservedVm) -> None:
        """What is known is this: what was waiting to be told, and is there already, is told no more."""
        self.fold, self.quiet = fold, False
        self.unreported = fold.power in ON and fold.assigned is None
        if self.window is not None and fold.size(BASE_MEMORY) == self.window.last.assigned:
            self.window = None

    # Reading

    def runs_elsewhere(self, r: VmReading, host: str) -> bool:
        """Whether the VM runs on another host, and this one only lists it."""
        fold = self.fold
        if fold.host in (None, host) or fold.power not in ON or self.at is None:
            return False
        if r.power in ON and r.assigned:
            return False
        return abs(seconds_between(self.at, r.at)) < LISTED

    def sized(self, r: VmReading, assigned: int | None, power: Power | None) -> None:
        """What is assigned, against what was."""
        if assigned is None:
            return
        fold, known = self.fold, self.fold.size(BASE_MEMORY)
        if known is None or self.unreported:
            self.tell(replace(self.measured(r, assigned), power=power), r.at)
            return
        now = self.window.last.assigned if self.window is not None else known
        if assigned != now:
            if fold.memory is not None and fold.memory.mode is Mode.STATIC:
                self.moved(r, assigned)
                self.tell(self.measured(r, assigned), r.at)
            elif self.window is None:
                self.window = Window(self.at, r, min(known, assigned), max(known, assigned))
            else:
                window = self.window
                window.last, window.least = r, min(window.least, assigned)
                window.most = max(window.most, assigned)
            return
        if self.window is not None:
            return
        last, measured = fold.measured.get("assigned"), self.measured(r, assigned)
        sees_otherwise = measured.visible not in (None, fold.visible)
        uses_is_known = measured.in_use is not None and fold.in_use is None
        if sees_otherwise or uses_is_known or last is None or last > r.at or seconds_between(last, r.at) >= FRESH:
            self.tell(measured, r.at)

    # Moves

    def moved(self, r: VmReading, size: int) -> None:
        """A static VM's memory moved: for the request that is open, or nobody asked for it."""
        known = self.fold.size(BASE_MEMORY)
        if known is None or known == size:
            return
        request = self.fold.open_request(BASE_MEMORY)
        number = request.number if request is not None and request.serves(known, size) else None
        event = VmMemoryMoved(
            device=BASE_MEMORY,
            means=Means.BOOT,
            size_from=known,
            size_to=size,
            why=WhyMoved.UNASKED if number is None else WhyMoved.REQUEST,
            request=number,
            late=number is not None and request is not None and request.settled is not None,
            backed=True,
            record=r.record,
        )
        who = UNKNOWN if number is None else self.who.get(number)
        self.tell(event, r.at, self.at, request=number, who=who)

    def close(self, r: VmReading | None = None) -> None:
        """Tells the moves that were gathered, as one; with what this reading measures, if nothing moved since."""
        window, known = self.window, self.fold.size(BASE_MEMORY)
        self.window = None
        if window is None or known is None or window.last.assigned is None:
            return
        last, size = window.last, window.last.assigned
        dynamic = self.fold.memory is not None and self.fold.memory.mode is Mode.DYNAMIC
        event = VmMemoryMoved(
            device=BASE_MEMORY,
            means=Means.BOOT,
            size_from=known,
            size_to=size,
            why=WhyMoved.BALANCER if dynamic else WhyMoved.UNASKED,
            backed=True,
            least=window.least,
            most=window.most,
            record=last.record,
        )
        self.tell(event, last.at, window.earliest)
        r = r or self.latest or last
        if r.assigned == size and r.power in (*ON, None):
            self.tell(self.measured(r, size), r.at)

    # Measures

    def measured(self, r: VmReading, assigned: int | None) -> VmObserved:
        """What a reading measured. What the guest uses is told only if all of it was read in one moment."""
        in_use = None
        whole = r.assigned if r.physical is None else r.physical
        if assigned is not None and whole == assigned and r.guest_available:  # 0 is told of what is not measured, too
            in_use = assigned - r.guest_available if r.guest_available <= assigned else None
        device = DeviceFigures(BASE_MEMORY, Means.BOOT, assigned, backed=True)
        visible = r.visible if assigned is not None else None
        lent = None
        if assigned is not None and whole == assigned and visible is not None and visible >= assigned:
            lent = visible - assigned  # a guest that lent memory still counts it; one that lost it does not
        return VmObserved(
            assigned=assigned,
            devices=(device,),
            visible=visible,
            ballooned=lent,
            in_use=in_use,
            record=r.record,
        )

    def grounds(self, r: VmReading) -> Grounds:
        """The figures by which a request is understood, as they are known now."""
        return Grounds(assigned=self.fold.assigned, in_use=self.fold.in_use, free=self.host_free)
