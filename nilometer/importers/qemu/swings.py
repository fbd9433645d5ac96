"""Sizes that swing about the target of a request: when a move is a swing, and many of them as one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.observed.vm import OpenRequest
from domain.quantities import LARGEST
from nilometer.importers.settlement import LARGEST_PAGE

SWING_TIME: Final = timedelta(hours=1)
"""What is recorded of a size that swings: one event in this time, as of Dynamic Memory."""

NEAR: Final = 64
"""A size swings about a target where it is no farther from it than this part of it."""


@dataclass(slots=True, kw_only=True)
class Swing:
    """Moves of a device about the target of a request: recorded as one."""

    request: int
    late: bool
    size_from: int
    since: str
    size_to: int = 0
    happened: str = ""
    record: str = ""
    least: int = LARGEST
    most: int = 0
    count: int = 0

    def add(self, before: int, after: int, happened: str, record: str) -> None:
        """Adds a move."""
        self.size_to, self.happened, self.record = after, happened, record
        self.least, self.most = min(self.least, before, after), max(self.most, before, after)
        self.count += 1


def swings_about(request: OpenRequest, before: int, after: int, *, is_balloon: bool, is_swinging: bool) -> bool:
    """Whether a move of a device is a swing about the target of its request.

    A size swings when it crosses the target again, near to it; or when it moves where the guest's pages let it come no
    nearer to the target.
    """
    if request.size_from is None or request.size == request.size_from:
        return False
    target = request.target
    distance = max(abs(before - target), abs(after - target))
    if is_balloon and distance < LARGEST_PAGE:
        return True
    crosses = (before - target) * (after - target) < 0
    was_beyond = (before - target) * (target - request.size_from) > 0 or request.beyond is not None
    return crosses and (was_beyond or is_swinging) and distance * NEAR <= target
