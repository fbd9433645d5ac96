"""What the judge knows of an observed VM or host: the fold of its events, and the checks that are still pending.

A rule about a move can often be decided only by the next measurement; until then the move is pending here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from domain.observed.events import Grounds
from domain.observed.host import HostAccount, ObservedHost
from domain.observed.vm import JUST_BEFORE_SECONDS, ObservedVm
from domain.settings import MemorySetting
from rules.judging.collector import EventRef

SETTLING_TIME: Final = timedelta(seconds=2)
"""The figures of one measurement are read one after the other: a move this short before may be in only some of them."""

JUST_BEFORE: Final = timedelta(seconds=JUST_BEFORE_SECONDS)

TIME_TO_SEE: Final = timedelta(minutes=10)
"""A guest has this time to see memory that it was given."""


@dataclass(slots=True)
class PendingCheck:
    """Events of one kind that will be decided together."""

    first: EventRef | None = None
    last: EventRef | None = None
    count: int = 0

    def add(self, ref: EventRef) -> None:
        """Adds an event."""
        self.first = self.first or ref
        self.last = ref
        self.count += 1

    def clear(self) -> None:
        """Forgets the events once they are decided."""
        self.first, self.last, self.count = None, None, 0


@dataclass(frozen=True, slots=True)
class UnconfirmedReading:
    """A measurement that does not fit. It may have been taken during a change, so the next one must confirm it."""

    ref: EventRef
    deviation: int
    """In bytes."""
    moves: int
    """How many moves it is about."""
    measured: int
    """What was measured, in bytes."""


CommitmentFigures: TypeAlias = tuple[int | None, int | None, int | None]
"""The total, the reserve and what the VMs of a host hold, in bytes, as it is asked whether it is overcommitted."""


@dataclass(frozen=True, slots=True)
class UnlistedHost:
    """A host of which not all VMs may be recorded yet: those of its first poll come one after the other, after it."""

    ref: EventRef
    figures: CommitmentFigures
    has_vms: bool
    """Some VM of it is recorded."""


@dataclass(frozen=True, slots=True)
class VisibleReading:
    """What the guest saw, and what the VM was assigned, both as the hypervisor reported them together."""

    visible: int
    assigned: int
    confirmed: bool
    """Another measurement agrees with it; a single one may have been taken during a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLittle:
    """A reading of a guest that sees less than it was given, and may still come to see it."""

    reading: VisibleReading
    expected: int
    """What it should see, in bytes."""
    at: str
    is_repeated: bool
    """The reading before it, since the last move, showed the same."""


@dataclass(frozen=True, slots=True)
class Gift:
    """Memory that a static VM was given, until a measure shows whether its guest has it available."""

    ref: EventRef
    amount: int
    available: int
    """What the guest had available just before, in bytes."""
    doubted: bool = False
    """A measure after it shows too little. A counter may lag by a poll, so the next one decides."""


@dataclass(frozen=True, slots=True)
class InUseReading:
    """What the guest used, and when."""

    in_use: int
    at: str


@dataclass(frozen=True, slots=True)
class RequestTerms:
    """What a request asked for."""

    number: int
    amount: int | None
    gives: bool
    grounds: Grounds
    expected: int | None = None
    """How much the requester expected, until that was compared with what came."""


@dataclass(frozen=True, slots=True)
class Module:
    """A memory module. A guest takes memory in whole blocks at addresses that are multiples of a block."""

    size: int
    misfits: bool
    """It is no whole number of the guest's blocks, or lies behind one that is none: the guest may not see it."""


@dataclass(slots=True)
class ObservedVmState:
    """An observed VM."""

    fold: ObservedVm
    in_use: InUseReading | None = None
    """The last measurement of what the guest uses, in this session."""
    removals: PendingCheck = field(default_factory=PendingCheck)
    """Removals that the use before them does not decide, until the guest's use is measured again."""
    removals_before_stop: PendingCheck = field(default_factory=PendingCheck)
    """Removals that were pending when the VM stopped: was the guest lost?"""
    moves: PendingCheck = field(default_factory=PendingCheck)
    """Moves, until the guest's memory is measured again."""
    stops: PendingCheck = field(default_factory=PendingCheck)
    """Stops, until the return of the memory is recorded."""
    settings: PendingCheck = field(default_factory=PendingCheck)
    """Memory settings, until the VM's memory is measured again."""
    refused: dict[str, EventRef] = field(default_factory=dict[str, EventRef])
    """Refused requests by device, until its size is measured again."""
    requests: dict[str, RequestTerms] = field(default_factory=dict[str, RequestTerms])
    """The last request for each device."""
    short_requests: set[int] = field(default_factory=set[int])
    """Requests that were reported as short."""
    hidden: int | None = None
    """The bytes of its memory that the guest leaves out of its own count."""
    missing: int = 0
    """The bytes that the guest was found not to see: that is reported once."""
    modules: list[Module] = field(default_factory=list["Module"])
    """The memory modules that were plugged, in order."""
    added: int = 0
    """The bytes that the guest was given since ``hidden`` was measured."""
    unplugged: int = 0
    """The bytes of modules that were unplugged since then."""
    unconfirmed: UnconfirmedReading | None = None
    visible: VisibleReading | None = None
    """The last reading that is accepted."""
    too_little: TooLittle | None = None
    """The last reading since the last move, if the guest sees less than it should: it has some minutes."""
    unseen: EventRef | None = None
    """The move of which the guest was found not to see all memory, until it does."""
    gift: Gift | None = None
    last_assigned: int | None = None
    """What it was assigned at the last reading of what the guest sees, accepted or not."""
    most_since_visible: int = 0
    """The most that it was assigned since the accepted reading."""
    least_since_visible: int = 0
    """The least that it was assigned since then."""
    setting: MemorySetting | None = None
    """The memory setting as last recorded."""
    most_under_setting: int | None = None
    """The most that it was seen to be assigned under that setting."""
    moved_at: str = ""
    """When its memory last moved."""
    is_polled: bool = False
    """Some of its moves are known by two polls only: what it had between these was not measured."""
    measured_at: str = ""
    """When all of its memory was last measured: every earlier move is recorded by now."""

    def forget_visible(self) -> None:
        """Drops what the hypervisor reported that the guest sees: it may be another, or have had more since."""
        self.unconfirmed = self.unconfirmed if self.hidden is not None else None
        self.visible, self.last_assigned, self.too_little, self.unseen = None, None, None, None
        self.gift = None

    def forget_guest(self) -> None:
        """Drops what was measured of the guest, since another guest runs now, or none."""
        self.missing = self.added = self.unplugged = 0
        self.in_use = self.gift = None
        self.modules.clear()
        self.hidden, self.unconfirmed, self.visible, self.last_assigned = None, None, None, None
        self.too_little, self.unseen = None, None
        self.most_since_visible, self.most_under_setting = 0, None


@dataclass(slots=True)
class ObservedHostState:
    """An observed host."""

    fold: ObservedHost
    account: HostAccount | None = None
    """Its account as last computed; ``None`` if it may have changed."""
    vms: set[str] = field(default_factory=set[str])
    moves: PendingCheck = field(default_factory=PendingCheck)
    """Moves on it, until its free memory is measured again."""
    deviation: int | None = None
    """By how much the last free memory is below the book's."""
    unconfirmed: UnconfirmedReading | None = None
    moved_at: str = ""
    measured_at: str = ""
    """When its own memory was last measured."""
    overcommitted: EventRef | None = None
    """The event since which its VMs hold more than it has, until that is confirmed or not."""
    last_checked: CommitmentFigures | None = None
    """The figures on which the rule was last evaluated."""
    is_listed: bool = False
    """All VMs of its first poll are recorded."""
    unlisted: UnlistedHost | None = None
    """Its last event until then, if it had one."""


def is_shortly_after(moved_at: str, happened: str) -> bool:
    """Whether a measurement is so short after a move that it may show the state during the move, or even before it."""
    if not moved_at:
        return False
    return parse_moment(happened) - parse_moment(moved_at) < SETTLING_TIME


def is_just_before(measured_at: str, moved_at: str) -> bool:
    """Whether a measurement is so short before a move that it shows what the guest used then."""
    return timedelta(0) <= parse_moment(moved_at) - parse_moment(measured_at) <= JUST_BEFORE


def has_time_to_see(moved_at: str, happened: str) -> bool:
    """Whether a guest may not see yet what it was given."""
    return bool(moved_at) and parse_moment(happened) - parse_moment(moved_at) < TIME_TO_SEE


def parse_moment(text: str) -> datetime:
    """A time in the format of ``domain.envelope.Metadata``."""
    return datetime.fromisoformat(text)
