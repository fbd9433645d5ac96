"""Lines and stretches of charts, from points: nothing is drawn over a gap that nobody watched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, TypeVar

from domain.identifiers import UtcTime, seconds_between
from nilometer.report.series import LABELS, Line, LineName, LineStep, TimeSpan
from nilometer.times import format_duration

P = TypeVar("P")
Sample = tuple[UtcTime, int | None, int]
"""A time, the size from then on, and the position of the event that brought it."""
Gap = tuple[UtcTime, UtcTime]

_LEAST_PART: Final = 0.2
_LEAST_TIMES: Final = 20
"""A stretch without events is narrowed if it is a fifth of what is left, and twenty times the usual one."""
_MOST_IDLE: Final = 4


def line(
    name: LineName,
    samples: Iterable[Sample],
    gaps: Sequence[Gap] = (),
    *,
    label: str | None = None,
    href: str | None = None,
) -> Line:
    """A line of samples in the order of their times: of one instant the last counts."""
    last_of: dict[UtcTime, Sample] = {}
    for sample in samples:
        last_of[sample[0]] = sample
    cut = _cut(sorted(last_of.values()), gaps)
    steps: list[LineStep] = []
    for time, size, position in cut:
        if not steps or steps[-1].size != size:
            steps.append(LineStep(time, size, position))
    while steps and steps[0].size is None:
        del steps[0]
    return Line(name=name, label=label or LABELS[name], steps=tuple(steps), href=href)


def _cut(samples: list[Sample], gaps: Sequence[Gap]) -> list[Sample]:
    """The samples without what lies in a gap: nothing is known there, and what was known goes on after it."""
    for since, until in gaps:
        known = [sample for sample in samples if sample[0] <= until]
        if not known:
            continue
        _, size, position = known[-1]
        before = [sample for sample in samples if sample[0] < since]
        nothing = [(since, None, known[0][2])] if known[0][0] < until else []
        samples = [*before, *nothing, (until, size, position), *(sample for sample in samples if sample[0] > until)]
    return samples


def samples_of(points: Iterable[P], read: Callable[[P], Sample]) -> list[Sample]:
    """Samples of points."""
    return [read(point) for point in points]


def idle_spans(times: Sequence[UtcTime]) -> tuple[TimeSpan, ...]:
    """The stretches without an event that are narrowed: so long that all else would be one line."""
    lengths = [seconds_between(begin, end) for begin, end in pairwise(times)]
    positive = [length for length in lengths if length > 0]
    if len(positive) < 3:
        return ()
    usual, chosen = median(positive), set[int]()
    while len(chosen) < min(_MOST_IDLE, len(positive) - 1):
        rest = sum(length for index, length in enumerate(lengths) if index not in chosen)
        longest = max((index for index in range(len(lengths)) if index not in chosen), key=lengths.__getitem__)
        if lengths[longest] < _LEAST_PART * rest or lengths[longest] < _LEAST_TIMES * usual:
            break
        chosen.add(longest)
    return tuple(
        TimeSpan(times[index], times[index + 1], f"idle {format_duration(lengths[index])}") for index in sorted(chosen)
    )


def unwatched_spans(gaps: Iterable[Gap], since: UtcTime, until: UtcTime) -> tuple[TimeSpan, ...]:
    """The times within a chart in which nobody looked."""
    return tuple(
        TimeSpan(max(begin, since), min(end, until), f"not watched {format_duration(seconds_between(begin, end))}")
        for begin, end in gaps
        if end > since and begin < until
    )
