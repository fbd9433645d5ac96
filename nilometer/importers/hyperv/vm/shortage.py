"""Whether a guest is short of memory, by its polls: little of it is available, or it presses for more than it may have.

A VM that Dynamic Memory can still give to is not short: it will get it. What counts as little, and for how long, is in
``domain.observed.shortage``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from domain.identifiers import UtcTime, seconds_between
from domain.observed.events import VmMemoryShort
from domain.observed.shortage import (
    FULL_PRESSURE,
    LOW_SECONDS,
    PRESSED_POLLS,
    MemoryShortage,
    ShortBy,
    find_little,
)
from nilometer.importers.hyperv.hosts import GAP_SECONDS
from nilometer.importers.hyperv.news import ON
from nilometer.importers.hyperv.readings import VmReading


@lru_cache(maxsize=256)
def _seconds_between_polls(earlier: UtcTime, later: UtcTime) -> float:
    """The seconds between two polls, which all VMs of a host share."""
    return seconds_between(earlier, later)


@dataclass(slots=True)
class ShortageWatch:
    """What the last polls show, as long as nobody missed one."""

    last: UtcTime | None = None
    low_since: UtcTime | None = None
    least: int | None = None
    """The least that was available since then."""
    pressed: int = 0
    """How many of the last polls show a pressure over 100."""
    pressed_since: UtcTime | None = None

    def note(self, reading: VmReading) -> None:
        """Notes a poll; a second time it is the same."""
        if reading.at == self.last:
            return
        if self.last is None or not 0 <= _seconds_between_polls(self.last, reading.at) <= GAP_SECONDS:
            self.low_since = self.pressed_since = self.least = None
            self.pressed = 0
        self.last = reading.at
        listing, available = reading.listing, reading.guest_available or None  # 0 is shown for not measured, too
        assigned = listing.assigned
        can_grow = listing.dynamic and assigned != listing.maximum
        if not assigned or can_grow or listing.power not in ON:
            self.low_since = self.pressed_since = self.least = None
            self.pressed = 0
            return
        if available is not None and available < find_little(assigned):
            self.low_since = self.low_since or reading.at
            self.least = available if self.least is None else min(self.least, available)
        else:
            self.low_since = self.least = None
        if reading.pressure is not None and reading.pressure > FULL_PRESSURE and listing.dynamic:
            self.pressed_since, self.pressed = self.pressed_since or reading.at, self.pressed + 1
        else:
            self.pressed_since, self.pressed = None, 0

    @property
    def is_low(self) -> bool:
        """Whether little is available, for long enough."""
        return (
            self.low_since is not None
            and self.last is not None
            and seconds_between(self.low_since, self.last) >= LOW_SECONDS
        )

    @property
    def is_pressed(self) -> bool:
        """Whether it presses for more, in enough polls."""
        return self.pressed >= PRESSED_POLLS

    def find_event(self, known: MemoryShortage | None, reading: VmReading) -> VmMemoryShort | None:
        """The event that a poll gives, where the ledger knows this: that it begins, or that it is over."""
        short = self.is_low or self.is_pressed
        if known is None and short:
            by = ShortBy.PRESSURE if self.is_pressed else ShortBy.AVAILABLE
            since = self.pressed_since if self.is_pressed else self.low_since
            return VmMemoryShort(
                by=by,
                since=since or reading.at,
                available=self.least if by is ShortBy.AVAILABLE else reading.guest_available,
                pressure=reading.pressure,
                record=reading.record,
            )
        is_unclear = self.low_since is not None or self.pressed or reading.listing.power not in ON
        if known is not None and not short and not is_unclear:
            return VmMemoryShort(
                by=known.by,
                since=known.since,
                over=True,
                available=reading.guest_available,
                pressure=reading.pressure,
                record=reading.record,
            )
        return None
