"""Thinning hides no extreme; a line is drawn over no gap."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import UtcTime
from nilometer.report.building.lines import Sample, idle_spans, line
from nilometer.report.thinning import ThinnedPoints

Point = tuple[int, int | None, int | None]
FIGURES: Final = st.one_of(st.none(), st.integers(0, 50))


@given(st.lists(st.tuples(FIGURES, FIGURES), min_size=1, max_size=300), st.integers(2, 20))
def test_the_first_the_last_and_all_extremes_stay(figures: list[tuple[int | None, int | None]], most: int) -> None:
    # given a line of many points, and room for few
    points: list[Point] = [(number, *pair) for number, pair in enumerate(figures)]
    thinned = ThinnedPoints[Point](lambda point: point[1:], most)
    # when it takes them
    for point in points:
        thinned.add(point)
    kept = list(thinned)
    # then what it keeps is in order, is not much, and shows what all of them show
    assert kept == sorted(kept, key=lambda point: point[0])
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    for figure in (1, 2):
        assert extremes(kept, figure) == extremes(points, figure)
    assert (len(thinned), thinned.count, thinned.left_out) == (len(kept), len(points), len(points) - len(kept))
    assert len(kept) <= 8 * (most + 1)


def test_what_is_kept_does_not_grow_with_the_length() -> None:
    for length in (10_000, 10_001, 16_383, 20_000):
        thinned = ThinnedPoints[Point](lambda point: point[1:], 4)
        for number in range(length):
            thinned.add((number, number * 7919 % 1000, None if number % 100 == 0 else number % 17))
            assert len(thinned) <= 4 * 8 + 64


def extremes(points: list[Point], figure: int) -> tuple[int, int, bool]:
    known = [size for point in points if (size := point[figure]) is not None]
    return min(known, default=-1), max(known, default=-1), len(known) < len(points)


def time(second: int) -> UtcTime:
    return UtcTime(f"2026-11-23T09:{second // 60:02}:{second % 60:02}.000000Z")


SAMPLES: Final = st.lists(
    st.tuples(st.integers(0, 59), FIGURES), min_size=1, max_size=20, unique_by=lambda pair: pair[0]
).map(sorted)
GAPS: Final = st.lists(st.integers(0, 59), min_size=2, max_size=6, unique=True).map(
    lambda ends: [(begin, end) for begin, end in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)


@given(SAMPLES, GAPS)
def test_no_line_is_drawn_over_a_gap_and_outside_it_is_as_measured(
    samples: list[tuple[int, int | None]], gaps: list[tuple[int, int]]
) -> None:
    # given what was measured, and times in which nobody looked
    measured: list[Sample] = [(time(second), size, number) for number, (second, size) in enumerate(samples, start=1)]
    drawn = line("assigned", measured, [(time(begin), time(end)) for begin, end in gaps])
    # when the line is asked what it shows at each second
    for second in range(60):
        shown = next((step.size for step in reversed(drawn.steps) if step.time <= time(second)), None)
        before = next((size for at, size in reversed(samples) if at <= second), None)
        in_gap = any(begin <= second < end for begin, end in gaps)
        # then in a gap there is nothing, and elsewhere the last measure
        assert shown == (None if in_gap else before)
    # and no step repeats the one before it
    assert all(one.size != other.size for one, other in zip(drawn.steps, drawn.steps[1:], strict=False))


def test_only_long_stretches_are_idle() -> None:
    # given a burst, ten hours of nothing, and a burst
    seconds = [0, 1, 2, 3, 4, 5, 36_005, 36_006, 36_007]
    times = [UtcTime(f"2026-11-23T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.000000Z") for s in seconds]
    assert [span.words for span in idle_spans(times)] == ["idle 10 h"]
    assert idle_spans(times[:6]) == ()
    assert idle_spans([]) == ()
