"""Timing two ways of doing the same thing side by side.

The machine is shared and its speed changes from second to second. So both sides take turns on small pieces of the
work, a ratio is formed of each pair of neighbours, and the median of these ratios is reported.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(slots=True)
class Spent:
    """Seconds of the clock and of the processor that each piece took, and how many operations it was."""

    operations: list[int] = field(default_factory=list[int])
    wall: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])

    def time(self, operations: int, work: Callable[[], object]) -> None:
        """Does one piece of the work."""
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        self.operations.append(operations)

    @property
    def rate(self) -> float:
        """Operations a second, the median of all pieces."""
        return median(count / wall for count, wall in zip(self.operations, self.wall, strict=True))

    @property
    def cpu_each(self) -> float:
        """Seconds of the processor for one operation, the median of all pieces."""
        return median(cpu / count for count, cpu in zip(self.operations, self.cpu, strict=True))


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What two sides spent on the same pieces, one after the other."""

    ours: Spent
    other: Spent

    @property
    def rate(self) -> float:
        """Our rate as a part of the other's, the median of all pairs."""
        return median(other / ours for ours, other in zip(self.ours.wall, self.other.wall, strict=True))

    @property
    def cpu(self) -> float:
        """Our use of the processor as a multiple of the other's, the median of all pairs."""
        return median(ours / other for ours, other in zip(self.ours.cpu, self.other.cpu, strict=True))


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of work: how many operations it is, our side, and what makes the others out of what ours left."""

    operations: int
    ours: Callable[[], object]
    prepare_others: Callable[[], Sequence[Callable[[], object]]]


def side_by_side(pieces: Iterable[Piece]) -> list[SideBySide]:
    """Times pieces of work, on all sides in turn: ours beside each of the others."""
    ours, others = Spent(), list[Spent]()
    for piece in pieces:
        gc.collect()
        ours.time(piece.operations, piece.ours)
        works = piece.prepare_others()
        others = others or [Spent() for _ in works]
        for other, work in zip(others, works, strict=True):
            gc.collect()
            other.time(piece.operations, work)
    return [SideBySide(ours, other) for other in others]
