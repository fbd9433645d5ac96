"""What polls show of a VM's sizes and is not recorded yet: stretches that are equal, moves that become one event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.identifiers import UtcTime, seconds_between
from domain.observed.events import VmObserved
from domain.observed.polls import Stretch
from nilometer.importers.hyperv.news import sees_less
from nilometer.importers.hyperv.readings import VmReading
from nilometer.importers.hyperv.state import seconds_in_between

UNSEEN_SECONDS: Final = (600, 3600)
"""While a guest does not see all of its memory, it is recorded again after these times."""


@dataclass(slots=True)
class StretchTally:
    """Polls in sequence that show a VM with the same sizes."""

    sizes: tuple[int | None, int | None]
    """Assigned and visible."""
    first: UtcTime
    last: UtcTime
    polls: int = 1
    longest_gap: int = 0
    """In seconds."""
    least_available: int | None = None
    least_available_at: UtcTime | None = None

    @staticmethod
    def begin(reading: VmReading) -> StretchTally:
        """The first of the polls."""
        listing = reading.listing
        available = reading.guest_available or None
        return StretchTally(
            sizes=(listing.assigned, listing.visible),
            first=reading.at,
            last=reading.at,
            least_available=available,
            least_available_at=None if available is None else reading.at,
        )

    def extend(self, reading: VmReading) -> None:
        """Adds the next poll."""
        at, available = reading.at, reading.guest_available
        gap = seconds_in_between(self.last, at)
        self.last, self.polls = at, self.polls + 1
        if gap > self.longest_gap:
            self.longest_gap = gap
        if available and (self.least_available is None or available < self.least_available):
            self.least_available, self.least_available_at = available, at

    @property
    def stretch(self) -> Stretch | None:
        """What is recorded of it; ``None`` for a single poll."""
        if self.polls == 1:
            return None
        return Stretch(
            first=self.first,
            polls=self.polls,
            longest_gap=self.longest_gap,
            least_available=self.least_available,
            least_available_at=self.least_available_at,
        )


@dataclass(slots=True)
class MoveWindow:
    """Moves of Dynamic Memory that become one event: it moves memory all day."""

    earliest: UtcTime | None
    last: VmReading
    least: int
    most: int
    moves: int = 1
    tightest: VmReading | None = None
    """The poll in which the guest had the least available."""

    @property
    def size(self) -> int | None:
        """The size after the last move."""
        return self.last.listing.assigned

    def extend(self, reading: VmReading, size: int) -> None:
        """Adds another move."""
        self.last, self.least, self.most = reading, min(self.least, size), max(self.most, size)
        self.moves += 1

    def note(self, reading: VmReading) -> None:
        """Looks at a poll from the first move on."""
        available = reading.guest_available
        if available and (self.tightest is None or available < (self.tightest.guest_available or 0)):
            self.tightest = reading


@dataclass(slots=True)
class SizeTrack:
    """What the polls of a VM show of its sizes, up to the last."""

    window: MoveWindow | None = None
    tally: StretchTally | None = None
    """The polls since its last measurement, as long as its sizes stay the same."""
    unmeasured: bool = False
    """Its memory moved, and what the guest sees and uses since is not recorded."""
    expected: int | None = None
    """What the guest should have available at least: what it had, and half of what it was given, in bytes."""
    unseen_since: UtcTime | None = None
    """Since when the guest sees less memory than the VM has, with its present size."""
    unseen_size: int | None = None

    def note_unseen(self, reading: VmReading) -> None:
        """Notes since when the guest sees less memory than the VM has. Each change of the size begins it anew."""
        if not sees_less(reading):
            self.unseen_since = None
        elif self.unseen_since is None or reading.listing.assigned != self.unseen_size:
            self.unseen_since, self.unseen_size = reading.at, reading.listing.assigned

    def waits(self, reading: VmReading) -> bool:
        """Whether the guest may still come to see its memory, so that each reading counts."""
        return self.unseen_since is not None and seconds_between(self.unseen_since, reading.at) < UNSEEN_SECONDS[-1]

    def is_unseen_for(self, seconds: int, at: UtcTime) -> bool:
        """Whether the guest sees less memory than the VM has, for so long."""
        return self.unseen_since is not None and seconds_between(self.unseen_since, at) >= seconds

    def follow(self, reading: VmReading) -> None:
        """Counts a reading to those before it, if its sizes are the same."""
        if self.tally is not None and self.tally.sizes == (reading.listing.assigned, reading.listing.visible):
            self.tally.extend(reading)
        else:
            self.tally = StretchTally.begin(reading)

    def give(self, amount: int, latest: VmReading | None) -> None:
        """A static VM was given memory, or lost it: ``latest`` is the last reading before it."""
        available = None if latest is None else latest.guest_available
        if amount > 0 and self.expected is not None:  # it comes in parts
            self.expected += amount // 2
        else:
            self.expected = None if amount <= 0 or not available else available + amount // 2

    def lacks_expected(self, event: VmObserved) -> bool:
        """Whether the first measurement after it shows less than that: a counter may lag, so the next poll decides."""
        expected, self.expected = self.expected, None
        if expected is None or event.assigned is None or event.in_use is None:
            return False
        return event.assigned - event.in_use < expected

    def end_stretch(self) -> None:
        """The VM was turned on or off: that event has its figures, and what was pending is past."""
        self.tally, self.unmeasured, self.expected = None, False, None
