"""Lines as steps."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.report.chart.paths import Band, Level, area_path, bands_between, levels_of, sizes_between, step_path
from nilometer.report.chart.scales import TimeScale, seconds, time_scale
from nilometer.report.series import Line, LineStep
from nilometer.times import to_utc_time
from tests.nilometer.report.charts import LAB, line

MAYBE = st.one_of(st.none(), st.integers(0, 5))


def test_a_figure_holds_until_the_next_and_no_line_crosses_what_is_not_known() -> None:
    # given a line whose figure is not known for a while
    scale = time_scale(LAB, "event")
    told = line("visible", ("14:52:46.571", 256), ("14:52:55.588", None), ("14:52:56.566", 640))
    # when it is drawn
    levels = levels_of(told, scale)
    # then it breaks off there, and begins anew
    assert [(level.begin, level.end, level.size >> 20) for level in levels] == [
        (scale.place(told.steps[0].time), scale.place(told.steps[1].time), 256),
        (scale.place(told.steps[2].time), scale.end + 1, 640),
    ]
    assert step_path(levels, lambda size: size / (1 << 20)).count("M") == 2


def test_equal_sizes_that_follow_each_other_are_one_level() -> None:
    told = line("assigned", ("14:52:46.571", 256), ("14:52:55.588", 256), ("14:52:56.566", 256))
    assert len(levels_of(told, time_scale(LAB, "time"))) == 1


def test_steps_are_level_and_upright() -> None:
    path = step_path([Level(0, 10, 5), Level(10, 20, 7), Level(30, 40, 7)], lambda size: size)
    assert path == "M0 5H100V7H200M300 7H400"
    assert area_path([Level(0, 10, 5)], lambda size: 9 - size) == "M0 9V4H100V9Z"


@settings(max_examples=40, deadline=None)
@given(st.lists(MAYBE, min_size=1, max_size=15))
def test_a_line_has_a_size_exactly_where_it_is_known(sizes: list[int | None]) -> None:
    scale = time_scale(LAB, "event")
    told = Line(
        "assigned", "assigned", tuple(LineStep(time, size, 1) for time, size in zip(LAB.times, sizes, strict=False))
    )  # by position: name, label, steps
    levels = levels_of(told, scale)
    for index, size in enumerate(sizes):
        middle = scale.place(LAB.times[index]) + 0.1
        assert [level.size for level in levels if level.begin <= middle < level.end] == ([] if size is None else [size])
    assert not re.search("[^MHV0-9. ]", step_path(levels, float))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9))
def test_bands_are_where_one_line_is_above_another(pairs: list[tuple[int, int]]) -> None:
    edges = [float(place) for place in range(len(pairs) + 1)]
    bands = bands_between(edges, [low for low, _ in pairs], [low + more for low, more in pairs])
    for index, (low, more) in enumerate(pairs):
        inside = [band for band in bands if band.begin <= index < band.end]
        assert inside == [] if more == 0 else [(band.low, band.high) for band in inside] == [(low, low + more)]
    assert all(isinstance(band, Band) for band in bands)


def test_between_edges_a_line_has_its_size_or_nothing() -> None:
    assert sizes_between([0, 1, 2, 3, 4], [Level(1, 2, 7), Level(3, 4, 9)]) == [0, 7, 0, 9]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=300))
def test_a_line_of_very_many_steps_is_thinned_and_no_extreme_is_hidden(sizes: list[int]) -> None:
    # given a line with many steps within each column
    scale = TimeScale(kind="time", knots=(seconds(LAB.since), seconds(LAB.since) + 1000), places=(0.0, 100.0))
    start = datetime.fromisoformat(LAB.since)
    times = [to_utc_time(start + timedelta(seconds=number * 0.2)) for number in range(len(sizes))]
    told = Line(name="assigned", label="", steps=tuple(map(LineStep, times, sizes, range(len(sizes)))))
    # when it is drawn
    levels = levels_of(told, scale, column=0.5)
    # then each column has four levels at most, and the least, the most, the first and the last size
    for column in range(100):
        of_line = [size for number, size in enumerate(sizes) if int(scale.place(times[number]) // 0.5) == column]
        drawn = [level.size for level in levels if int(level.begin // 0.5) == column]
        assert len(drawn) <= 4
        if of_line:
            assert {min(of_line), max(of_line)} <= {*drawn, *[level.size for level in levels]}
    assert levels[0].size == sizes[0]
    assert levels[-1].size == sizes[-1]
    assert all(earlier.end == later.begin for earlier, later in pairwise(levels))
    assert {min(sizes), max(sizes)} <= {level.size for level in levels}
