"""Lines as steps: memory does not slope, and no line crosses a time in which its figure is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nilometer.report.chart.looks import number
from nilometer.report.chart.scales import TAIL, TimeScale
from nilometer.report.series import Line


@dataclass(frozen=True, slots=True)
class Level:
    """A size that holds from one place to another, in percent."""

    begin: float
    end: float
    size: int


def runs_of(line: Line, scale: TimeScale) -> list[Level]:
    """A line as sizes that hold: equal ones that follow each other are one."""
    return list(_merged(_runs(line, scale)))


def _runs(line: Line, scale: TimeScale) -> Iterator[Level]:
    ends = [scale.place(step.time) for step in line.steps[1:]]
    for step, end in zip(line.steps, [*ends, scale.end + TAIL], strict=False):
        if step.size is not None:
            yield Level(scale.place(step.time), end, step.size)


def _merged(runs: Iterable[Level]) -> Iterator[Level]:
    last: Level | None = None
    for run in runs:
        if last is not None and last.size == run.size and last.end == run.begin:
            last = Level(last.begin, run.end, run.size)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def paired(lower: Sequence[Level], upper: Sequence[Level]) -> Iterator[tuple[Level, int]]:
    """Where two lines both have a size: that of the lower one, and what the upper one has."""
    for low in lower:
        for high in upper:
            begin, end = max(low.begin, high.begin), min(low.end, high.end)
            if begin < end:
                yield Level(begin, end, low.size), high.size


def step_path(runs: Iterable[Level], place: Callable[[float], float], lift: float = 0) -> str:
    """The ``d`` of a path along sizes, in a box 1000 wide."""
    parts: list[str] = []
    end: float | None = None
    for run in runs:
        height = number(place(run.size) - lift)
        joined = end == run.begin
        parts.append(f"V{height}" if joined else f"M{number(run.begin * 10)} {height}")
        parts.append(f"H{number(run.end * 10)}")
        end = run.end
    return "".join(parts)


def area_path(runs: Iterable[Level], place: Callable[[float], float]) -> str:
    """The ``d`` of the areas between sizes and the axis, in a box 1000 wide."""
    foot = number(place(0))
    return "".join(
        f"M{number(run.begin * 10)} {foot}V{number(place(run.size))}H{number(run.end * 10)}V{foot}Z" for run in runs
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


def sizes_between(edges: Sequence[float], runs: Iterable[Level]) -> list[int]:
    """The size of a line from each edge to the next: 0 where it has none."""
    sizes: list[int] = []
    remaining = iter(runs)
    run = next(remaining, None)
    for begin in edges[:-1]:
        while run is not None and run.end <= begin:
            run = next(remaining, None)
        sizes.append(run.size if run is not None and run.begin <= begin else 0)
    return sizes
