"""One VM of a Hyper-V import: what is recorded of it, and what its next reading is compared with.

Only this module assigns a ``HypervVm``'s fields. Each step returns the events that it adds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from domain.identifiers import UtcTime, seconds_between, vm_stream
from domain.observed.events import (
    BASE_MEMORY,
    Grounds,
    Means,
    Observed,
    VmMemoryMoved,
    VmNotListed,
    VmObserved,
    WhyMoved,
)
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm, OpenRequest
from domain.settings import Mode
from nilometer.importers.hyperv.hosts import GAP_SECONDS, HypervHost
from nilometer.importers.hyperv.jobs import UNATTRIBUTED, Attribution
from nilometer.importers.hyperv.news import ON, News, base_memory, measure, poll_figures, sees_less
from nilometer.importers.hyperv.readings import ChangeReading, JobKind, PowerReading, VmReading
from nilometer.importers.hyperv.shortage import ShortageWatch
from nilometer.importers.hyperv.state import (
    Cutoff,
    Emission,
    MoveWindow,
    StretchTally,
    VmQueue,
    last_measured,
)
from nilometer.ledger.requests import Fact

FRESH_SECONDS: Final = 6 * 3600
"""A figure that did not change is recorded again after this time, to show that it was still measured."""
UNSEEN_SECONDS: Final = (600, 3600)
"""While a guest does not see all of its memory, it is recorded again after these times."""
SLOW_SECONDS: Final = 300
"""A poll takes no longer than this: what it shows of a change, it read after that, although it began before."""
LISTED_SECONDS: Final = 600
"""For this long after a host last ran a VM, another host that only lists it is passed over.

During a migration, and with a replica, two hosts list a VM.
"""


@dataclass(slots=True, kw_only=True)
class HypervVm:
    """A VM. ``state`` is the fold of all its events, those that this import adds included."""

    id: str
    state: ObservedVm
    cutoff: Cutoff = field(default_factory=Cutoff)
    queue: VmQueue = field(default_factory=VmQueue)
    charged_host: str | None = None
    """The host that had its memory when a move was last noted on hosts."""
    host: HypervHost | None = None
    """Where it was last read."""
    host_available: int | None = None
    """What that host had left then."""
    read_at: UtcTime | None = None
    newest_at: UtcTime | None = None
    """The latest time of all that was read: a clock may have gone back since."""
    power_at: UtcTime | None = None
    """When a log last recorded its power state."""
    latest: VmReading | None = None
    uptime: int | None = None
    """Seconds, as last read."""
    stable: int | None = None
    """What it was assigned at the last reading: a second equal one shows that it has settled."""
    quiet: bool = False
    """No request is open and nothing is pending: a reading like the last is no news."""
    unreported: bool = False
    """It runs, and has not reported yet what it is assigned."""
    unseen_since: UtcTime | None = None
    """Since when the guest sees less memory than the VM has, with its present size."""
    unseen_size: int | None = None
    window: MoveWindow | None = None
    tally: StretchTally | None = None
    """The polls since its last measurement, as long as its sizes stay the same."""
    unmeasured: bool = False
    """Its memory moved, and what the guest sees and uses since is not recorded."""
    rival: tuple[str, UtcTime] | None = None
    """Another host that was the last to list it as running, and when."""
    contests: int = 0
    """How often its own host listed it again after that."""
    shortage: ShortageWatch = field(default_factory=ShortageWatch)
    changed_by: Attribution | None = None
    """Who changed something since the last reading, which the next may show."""
    open_changes: dict[str, Attribution] = field(default_factory=dict[str, Attribution])
    """Who has begun a change that has not ended, by its id."""
    requesters: dict[int, Attribution] = field(default_factory=dict[int, Attribution])
    """Who asked, by the number of the request."""

    @staticmethod
    def begin(id: str) -> HypervVm:
        """A VM of which nothing is known."""
        return HypervVm(id=id, state=ObservedVm.begin(id))

    @property
    def power_since(self) -> UtcTime | None:
        """Since when its power state can have changed. A log shows no memory: that was last read at ``read_at``."""
        return max(filter(None, (self.read_at, self.power_at)), default=None)

    @property
    def size(self) -> int | None:
        """The size of its memory, as recorded."""
        return self.state.size(BASE_MEMORY)

    @property
    def open_request(self) -> OpenRequest | None:
        """The request that is open."""
        return self.state.open_request(BASE_MEMORY)

    def emit(
        self,
        event: Observed,
        happened: UtcTime,
        earliest: UtcTime | None = None,
        *,
        request: int | None = None,
        who: Attribution | None = None,
    ) -> Emission:
        """The next event of this VM. ``earliest`` is the beginning of the interval in which it happened."""
        since = earliest if earliest is not None and earliest < happened else None
        self.quiet = False
        self.state.apply(event, happened, since)
        fact = Fact(stream=vm_stream(self.id), event=event, happened=happened, earliest=since)
        return Emission(fact, None if request is None else f"{self.id}/{request}", who)

    def was_away(self, reading: VmReading) -> bool:
        """Whether it was not read for longer than usual, which is not recorded yet."""
        if self.state.not_listed_since is not None or self.read_at is None:
            return False
        return seconds_between(self.read_at, reading.at) > GAP_SECONDS

    def lose(self, event: VmNotListed, since: UtcTime) -> Emission:
        """Its host does not list it since then."""
        return self.emit(event, since, self.read_at)

    def newest_figures(self) -> PollFigures | None:
        """What the last reading shows, where that differs from what is recorded: its size, or an eighth of its use."""
        latest = self.latest
        if latest is None or latest.listing.power not in ON or self.state.power not in ON:
            return None
        figures = poll_figures(latest)
        if figures is None or figures.at <= self.state.measured.get("assigned", ""):
            return None
        recorded = self.state.assigned, self.state.visible
        is_other = recorded != (figures.assigned, figures.visible or self.state.visible)
        if figures.in_use is not None:
            is_other = is_other or abs(figures.in_use - (self.state.in_use or 0)) > figures.assigned // 8
        return figures if is_other else None

    # The ledger

    def sync(self, recorded: ObservedVm) -> None:
        """Goes on from what the ledger knows. Readings and moves that wait and are recorded already are dropped.

        What was read so far is recorded. If the ledger knows more, as another host's file reached further, what follows
        here may be older than that.
        """
        known_until = last_measured(recorded)
        goes_on = self.newest_at is not None and (known_until is None or known_until <= self.newest_at)
        self.state, self.quiet, self.charged_host = recorded, False, recorded.host
        self.unreported = recorded.power in ON and recorded.assigned is None
        if self.window is not None and (not goes_on or self.size == self.window.size):
            self.window = None
        self.cutoff.sync(None if goes_on else known_until)
        power_at = recorded.measured.get("power")
        if power_at is not None and (self.read_at is None or power_at > self.read_at):  # from a log or another file
            self.queue.drop_power_until(power_at)
            self.power_at, self.uptime = power_at, None
        if not goes_on:  # what differs now has changed since the last event
            self.read_at = self.cutoff.known_until
        held, memory = self.queue.held, recorded.memory
        if held is not None and (not goes_on or (memory is not None and held.listing.startup == memory.startup)):
            self.queue.release()

    def charge(self, host: str | None) -> None:
        """This host has its memory."""
        self.charged_host = host

    # Readings

    def take_repeat(self, reading: VmReading) -> bool:
        """Takes a reading that shows nothing new, as nearly all do; ``False`` if it has to be compared."""
        latest, uptime = self.latest, self.uptime
        if (
            latest is None
            or not self.quiet
            or self.rival is not None
            or self.queue.held is not None
            or self.queue.deferred
            or reading.at[:13] != latest.at[:13]  # another hour
            or (uptime is not None and reading.uptime is not None and reading.uptime < uptime)
            or reading.listing != latest.listing
        ):
            return False
        if reading.guest_available is not None or reading.pressure is not None:
            self.shortage.note(reading)
            if self.shortage.find_event(self.state.short, reading) is not None:
                return False
        self.latest = reading
        self._note_read(reading.at)
        if self.tally is None:
            self.tally = StretchTally.begin(reading)
        else:
            self.tally.extend(reading)
        if self.window is not None:
            self.window.note(reading)
        if reading.uptime is not None:
            self.uptime = reading.uptime
        return True

    def take_recorded(self, reading: VmReading) -> None:
        """Takes a reading whose events are recorded."""
        self.shortage.note(reading)
        self.follow(reading)
        self.stable, self.latest, self.quiet = reading.listing.assigned or None, reading, False
        self._note_read(reading.at)
        self._note_unseen(reading)
        if reading.uptime is not None:
            self.uptime = reading.uptime

    def take_compared(self, reading: VmReading, news: News, host: str | None) -> None:
        """Takes a reading whose events were added just now."""
        self.stable, self.latest, self.changed_by = news.assigned, reading, None
        self._note_read(reading.at)
        self._note_unseen(reading)
        if reading.uptime is not None:
            self.uptime = reading.uptime
        size = self.size if self.window is None else self.window.size
        at_size = news.assigned is not None and news.assigned == size
        self.quiet = at_size and self.open_request is None and host == self.state.host and not self._waits(reading)
        if news.begins or news.turned:
            self.unreported = news.assigned is None
        elif news.assigned is not None:
            self.unreported = False

    def read_after_change(self, reading: VmReading) -> VmReading:
        """A reading with the time of the change that it shows, if its poll began before: a poll takes time."""
        change = next(reversed(self.queue.own_changes), None)
        if change is None or not reading.at < change.at or change.after in (None, change.before):
            return reading
        shows = reading.listing.assigned == change.after and reading.listing.startup == change.requested
        is_slow = seconds_between(reading.at, change.at) < SLOW_SECONDS
        return reading._replace(at=change.at) if shows and is_slow else reading

    def _note_read(self, at: UtcTime) -> None:
        self.read_at = at
        if self.newest_at is None or at > self.newest_at:
            self.newest_at = at

    def _note_unseen(self, reading: VmReading) -> None:
        """Notes since when the guest sees less memory than the VM has. Each change of the size begins it anew."""
        if not sees_less(reading):
            self.unseen_since = None
        elif self.unseen_since is None or reading.listing.assigned != self.unseen_size:
            self.unseen_since, self.unseen_size = reading.at, reading.listing.assigned

    def _waits(self, reading: VmReading) -> bool:
        """Whether the guest may still come to see its memory, so that each reading counts."""
        return self.unseen_since is not None and seconds_between(self.unseen_since, reading.at) < UNSEEN_SECONDS[-1]

    def _is_unseen_for(self, seconds: int, at: UtcTime) -> bool:
        return self.unseen_since is not None and seconds_between(self.unseen_since, at) >= seconds

    def take_change(self, change: ChangeReading) -> None:
        """Takes a change that ``Invoke-NiloChange`` made."""
        self.stable = change.after
        self._note_read(change.at)

    def take_power(self, reading: PowerReading) -> None:
        """Takes a power state from a log."""
        if reading.new_session:
            self.uptime, self.unreported = None, True
        if reading.power is not None:
            self.power_at = reading.at

    def drop_held(self, held: VmReading) -> None:
        """Drops a reading that was held: it saw a change on its way, and the change itself shows all of it."""
        self.queue.release()
        self.read_at, self.uptime = held.at, held.uptime

    def starts_elsewhere(self, reading: VmReading, source: HypervHost | None) -> bool:
        """Whether a reading of another host shows a guest that started after its last host fell silent."""
        if source is None or reading.uptime is None or self.read_at is None or reading.listing.power not in ON:
            return False
        for_seconds = seconds_between(max(self.read_at, source.polled_at or self.read_at), reading.at)
        return reading.uptime < for_seconds

    def is_running_at(self, reading: VmReading) -> bool:
        """Whether the VM runs on its host, and a reading of another host only lists it."""
        if self.state.power not in ON or self.read_at is None:
            return False
        if reading.listing.power in ON and reading.listing.assigned:
            return False
        return abs(seconds_between(self.read_at, reading.at)) < LISTED_SECONDS

    def is_contested(self, reading: VmReading, host: str, source: HypervHost | None) -> bool:
        """Whether another host than its own lists it for the first time, and its own may still have it.

        A VM has one host at a time. Where the clocks of two hosts differ, the polls of both list it for a while: it is
        on the other one after two polls of that without one of its own.
        """
        runs, rival = reading.listing.power in ON and bool(reading.listing.assigned), self.rival
        if self.state.host in (None, host):
            if rival is not None and not runs and seconds_between(rival[1], reading.at) < GAP_SECONDS:
                return True  # it left
            self.contests += rival is not None
            self.rival = None
            return False
        is_second = rival is not None and rival[0] == host
        self.rival = host, reading.at
        vm_id = reading.listing.vm_id
        if is_second or source is None or vm_id is None or vm_id in source.missing or self.read_at is None:
            is_taken = True
        else:
            is_silent = abs(seconds_between(self.read_at, reading.at)) >= LISTED_SECONDS
            is_taken = is_silent or self.state.power not in ON or self.starts_elsewhere(reading, source)
        if is_taken:
            self.rival, self.contests = None, 0
        return not is_taken

    # Who did it

    def list_on(self, host: HypervHost | None) -> None:
        """A record of this host lists it."""
        self.host, self.host_available = host, None if host is None else host.available

    def attribute(self, happened: UtcTime, earliest: UtcTime | None, kinds: Collection[JobKind]) -> Attribution:
        """Who made a change that a reading shows, by the jobs of the host."""
        who = UNATTRIBUTED
        if self.host is not None:
            who = self.host.jobs.attribute(self.id.rpartition(".")[2], earliest, happened, kinds)
        is_watched = earliest is not None and seconds_between(earliest, happened) <= GAP_SECONDS
        if who is UNATTRIBUTED and is_watched and self.open_changes:
            return next(reversed(self.open_changes.values()))
        return who

    def begin_change(self, id: str, who: Attribution) -> None:
        """Somebody has begun a change: what readings show until its end, and no job explains, is theirs."""
        self.open_changes[id] = who

    def end_change(self, id: str) -> None:
        """A change has ended, or its end is taken for lost."""
        self.open_changes.pop(id, None)

    def expect_change(self, who: Attribution | None) -> None:
        """Somebody changed something that the next reading may show."""
        self.changed_by = who

    def add_requester(self, number: int, who: Attribution, *, replaces: bool) -> None:
        """Somebody asked; an accepted request ``replaces`` those before."""
        self.requesters = {number: who} if replaces else {**self.requesters, number: who}

    def compare_shortage(self, reading: VmReading) -> list[Emission]:
        """Whether the guest is short of memory, against what is recorded."""
        self.shortage.note(reading)
        event = self.shortage.find_event(self.state.short, reading)
        return [] if event is None else [self.emit(event, reading.at, event.since)]

    # Sizes and moves

    def compare_size(self, reading: VmReading, news: News) -> list[Emission]:
        """The assigned memory against its last size: a move, or a measurement if one is due."""
        assigned, known = news.assigned, self.size
        if assigned is None:
            return []
        measured = measure(reading, assigned)
        if known is None or self.unreported:
            return [self.emit_measure(replace(measured, power=news.power), reading.at)]
        if assigned == (known if self.window is None else self.window.size):
            if self.window is None:
                is_due = self._is_measurement_due(measured, reading.at)
                return [self.emit_measure(measured, reading.at)] if is_due else []
            self.window.note(reading)
            is_due = sees_less(reading) and self._is_unseen_for(UNSEEN_SECONDS[0], reading.at)
            return self.close_window(reading) if is_due else []
        if self.state.memory is not None and self.state.memory.mode is Mode.STATIC:
            return self.move(assigned, reading.at, reading.record)
        if self.window is None:
            least, most = min(known, assigned), max(known, assigned)
            self.window = MoveWindow(earliest=self.read_at, last=reading, least=least, most=most)
        else:
            self.window.extend(reading, assigned)
        self.window.note(reading)
        return []

    def follow(self, reading: VmReading) -> None:
        """Counts a reading to those before it, if its sizes are the same."""
        if self.tally is not None and self.tally.sizes == (reading.listing.assigned, reading.listing.visible):
            self.tally.extend(reading)
        else:
            self.tally = StretchTally.begin(reading)

    def end_stretch(self) -> None:
        """The VM was turned on or off: that event has its figures, and what was pending is past."""
        self.tally, self.unmeasured = None, False

    def emit_measure(self, event: VmObserved, at: UtcTime) -> Emission:
        """A measurement by the last reading that was followed, with the stretch that ends with it."""
        tally, self.tally, self.unmeasured = self.tally, None, False
        return self.emit(event if tally is None else replace(event, stretch=tally.stretch), at)

    def measure_before(self, moment: UtcTime) -> list[Emission]:
        """The last reading before a change, unless it is recorded."""
        latest, tally, size = self.latest, self.tally, self.size
        if latest is None or tally is None or tally.last != latest.at or latest.at > moment or self.window is not None:
            return []
        if latest.listing.assigned != size or latest.listing.power not in (*ON, None) or not size:
            return []
        return [self.emit_measure(measure(latest, size), latest.at)]

    def measure_after(self) -> list[Emission]:
        """The last reading of all, if memory moved and nothing was measured since."""
        latest, size = self.latest, self.size
        if not self.unmeasured or latest is None or latest.listing.assigned != size or self.state.power not in ON:
            return []
        return [self.emit_measure(measure(latest, size), latest.at)]

    def _is_measurement_due(self, measured: VmObserved, at: UtcTime) -> bool:
        """Whether the guest sees or uses something new, or the last measurement is old."""
        last = self.state.measured.get("assigned")
        return (
            self.unmeasured
            or measured.visible not in (None, self.state.visible)
            or (measured.in_use is not None and self.state.in_use is None)
            or last is None
            or last > at
            or seconds_between(last, at) >= FRESH_SECONDS
            or any(
                self._is_unseen_for(seconds, at) and not self._is_unseen_for(seconds, last)
                for seconds in UNSEEN_SECONDS
            )
        )

    def move(self, size: int, at: UtcTime, record: str) -> list[Emission]:
        """The memory of a static VM moved: for the open request, or unasked."""
        known = self.size
        if known is None or known == size:
            return []
        request = self.open_request
        serves = request is not None and request.serves(known, size)
        number = request.number if request is not None and serves else None
        event = VmMemoryMoved(
            device=BASE_MEMORY,
            means=Means.BOOT,
            size_from=known,
            size_to=size,
            why=WhyMoved.UNASKED if number is None else WhyMoved.REQUEST,
            request=number,
            late=request is not None and serves and request.settled is not None,
            backed=True,
            record=record,
        )
        who = UNATTRIBUTED if number is None else self.requesters.get(number)
        self.unmeasured = True
        return [self.emit(event, at, self.read_at, request=number, who=who)]

    def confirm_size(self, change: ChangeReading, size: int) -> list[Emission]:
        """A change states the size before it."""
        if self.size is None or self.state.session is None:
            event = VmObserved(assigned=size, devices=(base_memory(size),), record=change.record)
            emissions = [self.emit(event, change.since)]
        else:
            emissions = self.move(size, change.at, change.record)
        self.unreported = False
        return emissions

    def close_window(self, reading: VmReading | None = None) -> list[Emission]:
        """The moves so far as one event, with what this reading shows, if nothing moved since.

        Where the guest sees less than it has, that is measured in events of their own: each counts.
        """
        window, known = self.window, self.size
        self.window = None
        if window is None or known is None or window.size is None:
            return []
        last, size = window.last, window.size
        dynamic = self.state.memory is not None and self.state.memory.mode is Mode.DYNAMIC
        shown = reading or self.latest or last
        if shown.listing.assigned != size or shown.listing.power not in (*ON, None):
            shown = last
        unseen = sees_less(shown)
        event = VmMemoryMoved(
            device=BASE_MEMORY,
            means=Means.BOOT,
            size_from=known,
            size_to=size,
            why=WhyMoved.BALANCER if dynamic else WhyMoved.UNASKED,
            backed=True,
            least=window.least,
            most=window.most,
            moves=window.moves if dynamic else None,
            tightest=None if window.tightest is None else poll_figures(window.tightest),
            newest=None if unseen else poll_figures(shown),
            record=last.record,
        )
        emissions = [self.emit(event, last.at, window.earliest)]
        if unseen and shown.at != last.at and sees_less(last):
            emissions.append(self.emit(measure(last, size), last.at))
        if unseen:
            emissions.append(self.emit(measure(shown, size), shown.at))
        return emissions

    def grounds(self) -> Grounds:
        """The figures by which a request is understood, as they are known now."""
        return Grounds(assigned=self.state.assigned, in_use=self.state.in_use, free=self.host_available)
