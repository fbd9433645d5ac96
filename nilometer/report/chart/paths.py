"""Lines as steps: memory does not slope, and no line crosses a time in which its figure is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from nilometer.report.chart.looks import number
from nilometer.report.chart.scales import TAIL, TimeScale
from nilometer.report.series import Line


@dataclass(frozen=True, slots=True)
class Level:
    """A size that holds from one place to another, in percent."""

    begin: float
    end: float
    size: int


COLUMN: Final = 0.1
"""Of what lies within so much of the width, in percent, more than this cannot be told apart."""


def levels_of(line: Line, scale: TimeScale, column: float = COLUMN) -> list[Level]:
    """A line as sizes that hold: equal ones that follow each other are one.

    Within a column the first, the last, the least and the most stay: others are not seen.
    """
    return list(_thinned(_merged(_levels(line, scale)), column))


def _thinned(levels: Iterable[Level], column: float) -> Iterator[Level]:
    group: list[Level] = []
    for level in levels:
        if group and (level.begin != group[-1].end or level.begin // column != group[0].begin // column):
            yield from _kept(group)
            group = []
        group.append(level)
    yield from _kept(group)


def _kept(group: Sequence[Level]) -> Iterator[Level]:
    """Of levels that follow each other those that show what all of them show, each until the next."""
    if len(group) <= 4:
        yield from group
        return
    least = min(range(len(group)), key=lambda index: group[index].size)
    most = max(range(len(group)), key=lambda index: group[index].size)
    kept = [group[index] for index in sorted({0, least, most, len(group) - 1})]
    for level, after in pairwise(kept):
        yield Level(level.begin, after.begin, level.size)
    yield kept[-1]


def _levels(line: Line, scale: TimeScale) -> Iterator[Level]:
    ends = [scale.place(step.time) for step in line.steps[1:]]
    for step, end in zip(line.steps, [*ends, scale.end + TAIL], strict=False):
        if step.size is not None:
            yield Level(scale.place(step.time), end, step.size)


def _merged(levels: Iterable[Level]) -> Iterator[Level]:
    last: Level | None = None
    for level in levels:
        if last is not None and last.size == level.size and last.end == level.begin:
            last = Level(last.begin, level.end, level.size)
            continue
        if last is not None:
            yield last
        last = level
    if last is not None:
        yield last


def paired(lower: Sequence[Level], upper: Sequence[Level]) -> Iterator[tuple[Level, int]]:
    """Where two lines both have a size: that of the lower one, and what the upper one has."""
    first = 0
    for low in lower:
        while first < len(upper) and upper[first].end <= low.begin:
            first += 1
        for index in range(first, len(upper)):
            high = upper[index]
            if high.begin >= low.end:
                break
            yield Level(max(low.begin, high.begin), min(low.end, high.end), low.size), high.size


def step_path(levels: Iterable[Level], place: Callable[[float], float], lift: float = 0) -> str:
    """The ``d`` of a path along sizes, in a box 1000 wide."""
    parts: list[str] = []
    end: float | None = None
    for level in levels:
        height = number(place(level.size) - lift)
        joined = end == level.begin
        parts.append(f"V{height}" if joined else f"M{number(level.begin * 10)} {height}")
        parts.append(f"H{number(level.end * 10)}")
        end = level.end
    return "".join(parts)


def area_path(levels: Iterable[Level], place: Callable[[float], float]) -> str:
    """The ``d`` of the areas between sizes and the axis, in a box 1000 wide."""
    foot = number(place(0))
    return "".join(
        f"M{number(level.begin * 10)} {foot}V{number(place(level.size))}H{number(level.end * 10)}V{foot}Z"
        for level in levels
    )


@dataclass(frozen=True, slots=True)
class Band:
    """What lies between two sizes from one place to another, in percent."""

    begin: float
    end: float
    low: int
    high: int


def band_path(bands: Iterable[Band], place: Callable[[float], float]) -> str:
    """The ``d`` of bands, in a box 1000 wide."""
    return "".join(
        f"M{number(band.begin * 10)} {number(place(band.low))}V{number(place(band.high))}"
        f"H{number(band.end * 10)}V{number(place(band.low))}Z"
        for band in bands
    )


def bands_between(edges: Sequence[float], lower: Sequence[int], upper: Sequence[int]) -> list[Band]:
    """Bands between sizes that hold from each edge to the next; where both are equal there is none."""
    bands: list[Band] = []
    for begin, end, low, high in zip(edges, edges[1:], lower, upper, strict=False):
        last = bands[-1] if bands else None
        if last is not None and (last.end, last.low, last.high) == (begin, low, high):
            bands[-1] = Band(begin=last.begin, end=end, low=low, high=high)
        elif high > low:
            bands.append(Band(begin=begin, end=end, low=low, high=high))
    return bands


def sizes_between(edges: Sequence[float], levels: Iterable[Level]) -> list[int]:
    """The size of a line from each edge to the next: 0 where it has none."""
    sizes: list[int] = []
    remaining = iter(levels)
    level = next(remaining, None)
    for begin in edges[:-1]:
        while level is not None and level.end <= begin:
            level = next(remaining, None)
        sizes.append(level.size if level is not None and level.begin <= begin else 0)
    return sizes
