"""One VM of a Hyper-V import: what is recorded of it, and what its next reading is compared with.

Only this module assigns a ``HypervVm``'s fields; each part of it is assigned by those who own it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import UtcTime, seconds_between, vm_stream
from domain.observed.events import Grounds, Observed, VmNotListed
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm, OpenRequest
from domain.observed.words import BASE_MEMORY
from nilometer.importers.hyperv.hosts import GAP_SECONDS, HypervHost
from nilometer.importers.hyperv.jobs import Attribution
from nilometer.importers.hyperv.news import ON, News, poll_figures
from nilometer.importers.hyperv.readings import ChangeReading, JobKind, PowerReading, VmReading
from nilometer.importers.hyperv.state import Cutoff, Emission, Rivalry, VmQueue, last_measured, seconds_in_between
from nilometer.importers.hyperv.vm.authors import Authors
from nilometer.importers.hyperv.vm.shortage import ShortageWatch
from nilometer.importers.hyperv.vm.sizes import SizeTrack, StretchTally
from nilometer.ledger.requests import Fact

SLOW_SECONDS: Final = 300
"""A poll takes no longer than this: what it shows of a change, it read after that, although it began before."""


@dataclass(slots=True, kw_only=True)
class HypervVm:
    """A VM. ``state`` is the fold of all its events, those that this import adds included."""

    id: str
    state: ObservedVm
    cutoff: Cutoff = field(default_factory=Cutoff)
    queue: VmQueue = field(default_factory=VmQueue)
    charged_host: str | None = None
    """The host that had its memory when a move was last noted on hosts."""
    host: HypervHost | None = field(default=None, metadata={"stored": False})
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
    sizes: SizeTrack = field(default_factory=SizeTrack)
    rivalry: Rivalry = field(default_factory=Rivalry)
    shortage: ShortageWatch = field(default_factory=ShortageWatch)
    authors: Authors = field(default_factory=Authors)

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

    def go_on(self, host: HypervHost | None) -> None:
        """It was read from what an earlier import kept: ``host`` listed it last, and its readings are counted."""
        self.host, self.queue.uncounted = host, []

    def sync(self, recorded: ObservedVm) -> None:
        """Goes on from what the ledger knows. Readings and moves that wait and are recorded already are dropped.

        What was read so far is recorded. If the ledger knows more, as another host's file reached further, what follows
        here may be older than that.
        """
        if self.state == recorded:  # all that was read so far is recorded, and nothing else
            self.cutoff.sync(None)
            return
        known_until = last_measured(recorded)
        goes_on = self.newest_at is not None and (known_until is None or known_until <= self.newest_at)
        self.state, self.quiet, self.charged_host = recorded, False, recorded.host
        self.unreported = recorded.power in ON and recorded.assigned is None
        if self.sizes.window is not None and (not goes_on or self.size == self.sizes.window.size):
            self.sizes.window = None
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
            or self.rivalry.rival is not None
            or self.queue.held is not None
            or self.queue.deferred
            or reading.at[:13] != latest.at[:13]  # another hour
            or (uptime is not None and reading.uptime is not None and reading.uptime < uptime)
            or reading.listing != latest.listing
            or seconds_in_between(latest.at, reading.at) > GAP_SECONDS  # it may have restarted meanwhile
        ):
            return False
        if reading.guest_available is not None or reading.pressure is not None:
            self.shortage.note(reading)
            if self.shortage.find_event(self.state.short, reading) is not None:
                return False
        self.latest = reading
        self._note_read(reading.at)
        if self.sizes.tally is None:
            self.sizes.tally = StretchTally.begin(reading)
        else:
            self.sizes.tally.extend(reading)
        if self.sizes.window is not None:
            self.sizes.window.note(reading)
        if reading.uptime is not None:
            self.uptime = reading.uptime
        return True

    def take_recorded(self, reading: VmReading) -> None:
        """Takes a reading whose events are recorded."""
        self.shortage.note(reading)
        self.sizes.follow(reading)
        self.stable, self.latest, self.quiet = reading.listing.assigned or None, reading, False
        self._note_read(reading.at)
        self.sizes.note_unseen(reading)
        if reading.uptime is not None:
            self.uptime = reading.uptime

    def take_compared(self, reading: VmReading, news: News, host: str | None) -> None:
        """Takes a reading whose events were added just now."""
        self.stable, self.latest = news.assigned, reading
        self.authors.expect_change(None)
        self._note_read(reading.at)
        self.sizes.note_unseen(reading)
        if reading.uptime is not None:
            self.uptime = reading.uptime
        size = self.size if self.sizes.window is None else self.sizes.window.size
        at_size = news.assigned is not None and news.assigned == size
        is_pending = self.open_request is not None or self.sizes.unmeasured or self.sizes.waits(reading)
        self.quiet = at_size and host == self.state.host and not is_pending
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

    def take_change(self, change: ChangeReading) -> None:
        """Takes a change that ``Invoke-NiloChange`` made."""
        self.stable = change.after
        self._note_read(change.at)

    def note_reported(self) -> None:
        """It has reported what it is assigned."""
        self.unreported = False

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

    def compare_shortage(self, reading: VmReading) -> list[Emission]:
        """Whether the guest is short of memory, against what is recorded."""
        self.shortage.note(reading)
        event = self.shortage.find_event(self.state.short, reading)
        return [] if event is None else [self.emit(event, reading.at, event.since)]

    def list_on(self, host: HypervHost | None) -> None:
        """A record of this host lists it."""
        self.host, self.host_available = host, None if host is None else host.available

    def attribute(self, happened: UtcTime, earliest: UtcTime | None, kinds: Collection[JobKind]) -> Attribution:
        """Who made a change that a reading shows."""
        return self.authors.attribute(self.id.rpartition(".")[2], self.host, happened, earliest, kinds)

    def grounds(self) -> Grounds:
        """The figures by which a request is understood, as they are known now."""
        return Grounds(assigned=self.state.assigned, in_use=self.state.in_use, free=self.host_available)
