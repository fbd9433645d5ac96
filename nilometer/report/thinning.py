"""Thinning: of a long line its shape is kept, in memory that does not grow with the length.

Points lie in buckets, one after another. Of a bucket are kept the first and the last point, of each figure the least
and the most, one where it is unknown, and all that are marked. When there are too many buckets, neighbours become one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar, cast

P = TypeVar("P")
Q = TypeVar("Q")

_MOST_RAW: Final = 48
"""Points that wait in the bucket that is being filled: then it is thinned already."""
_MOST_WAITING: Final = 16
"""Points that come one by one wait to be taken together."""

Sizes = tuple[int | None, ...]
"""The figures of a point, always in one order."""


class ThinnedPoints(Generic[P]):
    """Takes points in order, and keeps those that show what all of them show, of about ``most`` stretches."""

    def __init__(self, sizes_of: Callable[[P], Sizes], most: int) -> None:
        self._taken = 0
        self._sizes_of = sizes_of
        self._most = most
        self._width = 1
        """How many points a bucket holds when it is full."""
        self._buckets: list[list[P]] = []
        self._filled = 0
        """How many points the last bucket has taken."""
        self._waiting: list[P] = []

    @property
    def count(self) -> int:
        """How many points were taken."""
        return self._taken + len(self._waiting)

    def add(self, point: P) -> None:
        """Takes the next point."""
        self._waiting.append(point)
        if len(self._waiting) >= _MOST_WAITING:
            self._take_waiting()

    def extend(self, points: Sequence[P]) -> None:
        """Takes the next points: many at once cost less than one by one."""
        self._take_waiting()
        self._take(points)

    def _take_waiting(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._take(waiting)

    def _take(self, points: Sequence[P]) -> None:
        taken = 0
        while taken < len(points):
            if not self._buckets or self._filled == self._width:
                self._buckets.append([])
                self._filled = 0
            some = points[taken : taken + self._width - self._filled]
            self._buckets[-1].extend(some)
            self._filled += len(some)
            taken += len(some)
            if self._width > 1 and (self._filled == self._width or len(self._buckets[-1]) > _MOST_RAW):
                self._buckets[-1] = self._keep(self._buckets[-1])
            if len(self._buckets) > self._most:
                self._halve()
        self._taken += taken

    def limit(self, most: int) -> None:
        """From now on keeps no more than about so many."""
        self._take_waiting()
        self._most = max(2, most)
        while len(self._buckets) > self._most:
            self._halve()

    def converted(self, convert: Callable[[P], Q], sizes_of: Callable[[Q], Sizes]) -> ThinnedPoints[Q]:
        """The same points as records of another kind."""
        self._take_waiting()
        found = ThinnedPoints(sizes_of, self._most)
        found._buckets = [list(map(convert, bucket)) for bucket in self._buckets]
        found._taken, found._width, found._filled = self._taken, self._width, self._filled
        return found

    def join(self, later: ThinnedPoints[P]) -> None:
        """Takes the points that another took which came after all of these; ``later`` is used up."""
        self._take_waiting()
        later._take_waiting()
        if not later._buckets:
            return
        while self._buckets and self._width < later._width:
            self._halve()
        self._width = max(self._width, later._width)
        while later._width < self._width:
            later._halve()
        self._buckets += later._buckets
        self._filled, self._taken = later._filled, self._taken + later._taken
        while len(self._buckets) > self._most:
            self._halve()

    def __iter__(self) -> Iterator[P]:
        """The points that are kept, in order."""
        self._take_waiting()
        for bucket in self._buckets:
            yield from bucket

    def __len__(self) -> int:
        return sum(map(len, self._buckets)) + len(self._waiting)

    @property
    def left_out(self) -> int:
        """How many points are not kept."""
        return self.count - len(self)

    def _halve(self) -> None:
        buckets = self._buckets
        is_odd = len(buckets) % 2 == 1
        pairs: list[list[P]] = []
        for index in range(0, len(buckets) - 1, 2):
            pairs.append(self._keep([*buckets[index], *buckets[index + 1]]))
        if is_odd:
            pairs.append(buckets[-1])
        else:
            self._filled += self._width
        self._buckets = pairs
        self._width *= 2

    def _keep(self, points: list[P]) -> list[P]:
        """Of some points those that show what all of them show."""
        if len(points) <= 2:
            return points
        kept = {0, len(points) - 1}
        for sizes in zip(*map(self._sizes_of, points), strict=True):
            kept |= _extremes(sizes)
        return [points[index] for index in sorted(kept)]


def _extremes(sizes: Sequence[int | None]) -> set[int]:
    """Where a figure is least, where it is most, and where it is unknown, the first place of each."""
    if None not in sizes:
        all_known = cast("Sequence[int]", sizes)
        return {sizes.index(min(all_known)), sizes.index(max(all_known))}
    known = [index for index, size in enumerate(sizes) if size is not None]
    found = {next(index for index, size in enumerate(sizes) if size is None)} if len(known) < len(sizes) else set[int]()
    if known:
        found.add(min(known, key=lambda index: sizes[index] or 0))
        found.add(max(known, key=lambda index: sizes[index] or 0))
    return found
