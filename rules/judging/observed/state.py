"""What the judge knows of an observed VM or host: the fold of its events, and what is still to be settled.

A rule about a movement is often settled only by what is measured next; until then it waits here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.observed.events import Grounds
from domain.observed.host import HostAccount, ObservedHost
from domain.observed.vm import ObservedVm
from domain.settings import MemorySetting
from rules.judging.collector import Where

QUIET: Final = timedelta(seconds=2)
"""The parts of a measure are read one after the other: what moved so shortly before may be in one, not in the other."""


@dataclass(slots=True)
class Waiting:
    """Events of one sort that wait to be settled together."""

    first: Where | None = None
    last: Where | None = None
    count: int = 0

    def add(self, where: Where) -> None:
        """One more."""
        self.first = self.first or where
        self.last = where
        self.count += 1

    def clear(self) -> None:
        """They are settled."""
        self.first, self.last, self.count = None, None, 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A measure that does not fit. It is believed if the next one says the same: it may be of the midst of a change."""

    where: Where
    off: int
    """By how much, in bytes."""
    moves: int
    """How many movements it is about."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the hypervisor told that the guest sees, and what the VM was assigned then."""

    visible: int
    assigned: int
    sure: bool
    """Another measure agrees with it: a single one may be of the midst of a change."""


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request as it was asked for."""

    number: int
    amount: int | None
    gives: bool
    grounds: Grounds


@dataclass(slots=True)
class SeenVm:
    """An observed VM."""

    fold: ObservedVm
    removals: Waiting = field(default_factory=Waiting)
    """They wait for what the guest uses next."""
    removed_before_stop: Waiting = field(default_factory=Waiting)
    """The VM stopped before that: was the guest lost?"""
    moves: Waiting = field(default_factory=Waiting)
    """They wait for the guest's next count of its memory."""
    stops: Waiting = field(default_factory=Waiting)
    """They wait for the word that the memory is back."""
    settings: Waiting = field(default_factory=Waiting)
    """They wait for the next measure of what the VM has."""
    refused: dict[str, Where] = field(default_factory=dict[str, Where])
    """Refused requests by device: they wait for its next size."""
    asked: dict[str, AskedFor] = field(default_factory=dict[str, AskedFor])
    """The last request for each device."""
    told_short: set[int] = field(default_factory=set[int])
    """Requests that were told to be short."""
    kept: int | None = None
    """What the guest leaves out of its count of its memory."""
    doubt: Doubt | None = None
    sight: Sight | None = None
    """The last that is believed."""
    had: int | None = None
    """What it was assigned when its hypervisor last told what the guest sees, believed or not."""
    top: int = 0
    """The most that it was assigned since."""
    bounded: MemorySetting | None = None
    """The memory setting as last told."""
    most: int | None = None
    """The most that it was seen to be assigned under that setting."""
    moved: str = ""
    """When its memory last moved."""
    measured: str = ""
    """When all of its memory was last measured: what moved before that is told by now."""

    def forget_guest(self) -> None:
        """Another guest, or none: what was measured of this one is compared with nothing any more."""
        self.kept, self.doubt, self.most, self.sight, self.had, self.top = None, None, None, None, None, 0


@dataclass(slots=True)
class SeenHost:
    """An observed host."""

    fold: ObservedHost
    account: HostAccount | None = None
    """Its account as it was last computed; ``None`` if it may be another by now."""
    vms: set[str] = field(default_factory=set[str])
    moves: Waiting = field(default_factory=Waiting)
    """Movements on it that wait for the next measure of what is free."""
    off: int | None = None
    """By how much the free memory that was told last is less than the book's."""
    doubt: Doubt | None = None
    moved: str = ""
    measured: str = ""
    """When what it has was last measured."""
    over: Where | None = None
    """Since when it has been promised more than it has; it waits to be seen whether that lasts."""
    asked_with: tuple[int | None, int | None, int | None] | None = None
    """Total, reserve and held, as the rule was last asked of them."""


def shortly_after(moved: str, happened: str) -> bool:
    """Whether something happened so shortly after a movement that it may have met it halfway, or even before it."""
    if not moved:
        return False
    return moment(happened) - moment(moved) < QUIET


def moment(text: str) -> datetime:
    """A time in the form of ``domain.envelope.Metadata``."""
    return datetime.fromisoformat(text)
