"""One VM of Hyper-V: what its readings mean, one after the other, given what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from domain.aggregates import vm_stream
from domain.observed import BASE_MEMORY, DeviceFigures, Grounds, Means, Observed, VmMemoryMoved, VmObserved, WhyMoved
from domain.observed_vm import ObservedVm
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.shapes import parse_config_version
from domain.state import Power
from nilometer.importers.hyperv_jobs import MEMORY_JOBS, POWER_JOBS, UNKNOWN, Who
from nilometer.importers.hyperv_readings import JobKind, VmReading
from nilometer.results import Fact
from nilometer.times import seconds_between

FRESH: Final = 6 * 3600
"""Seconds: a figure that did not move is told again after so long, so that it is known not to have moved."""
ON: Final = (Power.RUNNING, Power.PAUSED)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, the story that it is part of, and who did it (``None``: nobody did anything, it was measured)."""

    fact: Fact
    story: str | None
    who: Who | None


@dataclass(slots=True)
class Window:
    """Moves that are told as one: Dynamic Memory moves all day."""

    earliest: str | None
    last: VmReading
    least: int
    most: int


_TELLING: Final = attrgetter(
    "power", "assigned", "startup", "name", "host", "generation", "config_version", "dynamic", "minimum", "maximum",
    "buffer", "weight",
)  # fmt: skip
"""What of a reading would be news; what the guest uses varies all the time, and is told with the rest."""

JobOf = Callable[[VmReading, str | None, frozenset[JobKind]], Who]


def _no_job(reading: VmReading, earliest: str | None, kinds: frozenset[JobKind]) -> Who:
    return UNKNOWN


class VmTrack:
    """A VM. What is known of it is the fold of what was told; the rest is what readings are compared with."""

    def __init__(self, id: str, tell: Callable[[Told], None]) -> None:
        self.id = id
        self.fold = ObservedVm.begin(id)
        self.give = tell
        self.job_of: JobOf = _no_job
        """Who gave the job that explains a reading."""
        self.host_free: int | None = None
        self.at: str | None = None
        """When it was last read."""
        self.uptime: int | None = None
        self.stable: int | None = None
        """What it was assigned at the last reading."""
        self.latest: VmReading | None = None
        self.quiet = False
        """Nothing waits: a reading like the last is no news."""
        self.unreported = False
        """It runs, and has not said yet what it is assigned."""
        self.window: Window | None = None
        self.who: dict[int, Who] = {}
        """Who asked, by the number of the request that is still open."""

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
        earliest = earliest if earliest is not None and earliest < happened else None
        self.quiet = False
        self.fold.apply(event, happened, earliest)
        story = None if request is None else f"{self.id}/{request}"
        self.give(Told(Fact(vm_stream(self.id), event, happened, earliest), story, who))

    def sync(self, fold: ObservedVm) -> None:
        """What is known is this: what was waiting to be told, and is there already, is told no more."""
        self.fold, self.quiet = fold, False
        if self.window is not None and fold.size(BASE_MEMORY) == self.window.last.assigned:
            self.window = None

    # Reading

    def same(self, r: VmReading) -> bool:
        """Whether a reading tells nothing that the last did not, and nothing waits: as nearly always."""
        latest, uptime = self.latest, self.uptime
        if (
            latest is None
            or not self.quiet
            or r.at[:13] != latest.at[:13]
            or (uptime is not None and r.uptime is not None and r.uptime < uptime)
            or _TELLING(r) != _TELLING(latest)
        ):
            return False
        self.at, self.latest = r.at, r
        self.uptime = uptime if r.uptime is None else r.uptime
        return True

    def read(self, r: VmReading, host: str | None) -> None:
        """What a reading tells that is news."""
        from nilometer.importers.hyperv_requests import asked_for, settle_if_due, stopped

        fold, earliest = self.fold, self.at
        power = r.power or (fold.power if r.power is None else None)
        assigned = None if power not in (*ON, None) or not r.assigned else r.assigned
        memory = setting(r, fold.memory)
        begins = power in ON and self._began(r, memory, host)
        news = self._news(r, host)
        if self.window is not None and (
            begins
            or news
            or power != fold.power
            or (memory is not None and memory != fold.memory)
            or r.at[:13] != self.window.last.at[:13]
        ):
            self.close(r)
        if begins:
            stopped(self, r)
            self.tell(self._first(r, power, memory, assigned, news), r.at, earliest, who=self._power_job(r, earliest))
        elif r.power is not None and r.power != fold.power:
            if r.power is Power.OFF:
                stopped(self, r)
            self._turned(r, r.power, memory, assigned, news)
        elif power in (*ON, None):
            if news:
                self.tell(VmObserved(record=r.record, **news), r.at)
            changed = memory is not None and memory != fold.memory
            if changed and fold.memory is not None:
                if not asked_for(self, r, memory):
                    self._set(r, memory)
            elif changed:
                self.tell(VmObserved(memory=memory, record=r.record), r.at)
            self._sized(r, assigned, power)
            settle_if_due(self, r, assigned)
        else:
            if news or (memory is not None and fold.memory is None):
                self.tell(VmObserved(memory=memory if fold.memory is None else None, record=r.record, **news), r.at)
            if memory is not None and memory != fold.memory:
                self._set(r, memory)
        self.at, self.stable, self.latest = r.at, assigned, r
        self.uptime = r.uptime if r.uptime is not None else self.uptime
        size = fold.size(BASE_MEMORY)
        self.quiet = assigned is not None and assigned == size and fold.open_request(BASE_MEMORY) is None
        self.quiet = self.quiet and self.window is None and host == fold.host
        self.unreported = power in ON and assigned is None if r.power is not None else self.unreported

    def _began(self, r: VmReading, memory: MemorySetting | None, host: str | None) -> bool:
        """Whether the guest has started anew: an uptime goes back only then, and some settings need it."""
        fold = self.fold
        if fold.session is None or fold.power is Power.OFF:
            return r.power is not None
        if fold.power is Power.SAVED or (host is not None and fold.host not in (None, host)):
            return False  # neither begins a session, and what counts as uptime then is not known
        if r.uptime is not None and self.uptime is not None and r.uptime < self.uptime:
            return True
        before = fold.memory
        if memory is None or before is None or memory == before:
            return False
        if memory.mode is not before.mode:
            return True
        dynamic = memory.mode is Mode.DYNAMIC
        return dynamic and (
            memory.startup != before.startup or memory.maximum < before.maximum or memory.minimum > before.minimum
        )

    def _news(self, r: VmReading, host: str | None) -> dict[str, Any]:
        """What a VM is called, where it is, and what it is, where that is not as it was."""
        told = {
            "name": r.name,
            "host": host,
            "generation": r.generation,
            "config_version": version(r.config_version),
        }
        return {key: value for key, value in told.items() if value is not None and value != getattr(self.fold, key)}

    def _first(
        self,
        r: VmReading,
        power: Power | None,
        memory: MemorySetting | None,
        assigned: int | None,
        news: dict[str, Any],
    ) -> VmObserved:
        """A session begins; what was known of the one before is past."""
        return replace(
            self.measured(r, assigned),
            power=power,
            session=(self.fold.session or 0) + 1,
            memory=memory,
            hypervisor="Hyper-V" if self.fold.hypervisor is None else None,
            **news,
        )

    def _turned(
        self, r: VmReading, power: Power, memory: MemorySetting | None, assigned: int | None, news: dict[str, Any]
    ) -> None:
        """The power state is another: off and saved, a VM holds nothing of its host."""
        memory = memory if memory != self.fold.memory else None
        event = VmObserved(power=power, memory=memory, record=r.record, **news)
        if power is Power.OFF:
            event = replace(event, assigned=0, held=0)
        elif power is Power.SAVED:
            event = replace(event, held=0)
        elif assigned is not None:
            event = replace(self.measured(r, assigned), power=power, memory=memory, **news)
        self.tell(event, r.at, self.at, who=self._power_job(r, self.at))

    def _power_job(self, r: VmReading, earliest: str | None) -> Who | None:
        who = self.job_of(r, earliest, POWER_JOBS)
        return None if who is UNKNOWN else who

    def _set(self, r: VmReading, memory: MemorySetting | None) -> None:
        """The setting was changed, and no memory moves for it now."""
        who = self.job_of(r, self.at, MEMORY_JOBS)
        self.tell(VmObserved(memory=memory, record=r.record), r.at, self.at, who=who)

    def _sized(self, r: VmReading, assigned: int | None, power: Power | None) -> None:
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
        last = fold.measured.get("assigned")
        if self.window is None and (last is None or last > r.at or seconds_between(last, r.at) >= FRESH):
            self.tell(self.measured(r, assigned), r.at)

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
        if assigned is not None and whole == assigned and r.guest_available is not None:
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


@lru_cache(1000)
def version(text: str | None) -> ConfigVersion | None:
    """A configuration version; ``None`` for what is none."""
    try:
        parsed = None if text is None else parse_config_version(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, ConfigVersion) else None


def setting(r: VmReading, before: MemorySetting | None) -> MemorySetting | None:
    """The memory setting that a reading tells; ``None`` if it does not tell all. A static VM's minimum is nothing."""
    if r.dynamic is None or r.startup is None:
        return None
    if not r.dynamic:
        return MemorySetting.static(r.startup)
    same = before if before is not None and before.mode is Mode.DYNAMIC else None
    buffer = r.buffer if r.buffer is not None else same.buffer if same else None
    weight = r.weight if r.weight is not None else same.weight if same else None
    if r.minimum is None or r.maximum is None or buffer is None or weight is None:
        return None
    return MemorySetting(Mode.DYNAMIC, r.startup, r.minimum, r.maximum, buffer, weight)
