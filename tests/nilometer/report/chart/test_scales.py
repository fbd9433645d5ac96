"""Where times and sizes stand: in their order, apart, and with what is idle narrowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.report.chart.scales import (
    FIRST,
    LAST,
    NARROWED,
    TICK_DISTANCE,
    ScaleKind,
    SizeScale,
    TimeScale,
    seconds,
    ticks,
    time_scale,
)
from nilometer.report.series import Chart, TimeSpan
from nilometer.times import to_utc_time
from tests.nilometer.report.charts import BALLOON, EXTREMES, HOST, LAB, clock

KINDS: tuple[ScaleKind, ...] = ("time", "event")
BEGIN = datetime(2026, 10, 20, 7, 30, tzinfo=UTC)


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    """Charts of any instants, some of whose stretches are idle."""
    gaps = draw(st.lists(st.sampled_from((0.001, 0.4, 1, 59, 3600, 90_000, 8_000_000)), min_size=1, max_size=12))
    times = [BEGIN]
    for gap in gaps:
        times.append(times[-1] + timedelta(seconds=gap))
    idle = draw(st.sets(st.integers(0, len(gaps) - 1)))
    texts = [to_utc_time(time) for time in times]
    return replace(
        HOST,
        since=texts[0],
        until=texts[-1],
        times=tuple(texts),
        idle=tuple(TimeSpan(texts[index], texts[index + 1], "idle") for index in sorted(idle)),
        lines=(),
        marks=(),
        unwatched=(),
    )


@settings(max_examples=60, deadline=None)
@given(charts(), st.sampled_from(KINDS))
def test_times_stand_in_their_order_and_within_the_plot(chart: Chart, kind: ScaleKind) -> None:
    scale = time_scale(chart, kind)
    places = [scale.place(time) for time in chart.times]
    assert places == sorted(places)
    assert places[0] == FIRST
    assert places[-1] <= LAST + 1e-6


@settings(max_examples=60, deadline=None)
@given(charts(), st.sampled_from(KINDS), st.sampled_from((UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata"))))
def test_labels_of_times_stand_apart_and_in_no_narrowed_stretch(chart: Chart, kind: ScaleKind, zone: ZoneInfo) -> None:
    scale = time_scale(chart, kind)
    found = ticks(scale, zone)
    assert found
    assert all(later.place - earlier.place >= TICK_DISTANCE * 0.59 for earlier, later in pairwise(found))
    assert len(found) <= 11
    for begin, end in scale.narrowed:
        assert not [tick for tick in found if scale.place_of(begin) + 1e-6 < tick.place < scale.place_of(end) - 1e-6]


@settings(max_examples=60, deadline=None)
@given(charts())
def test_what_is_idle_is_narrow_and_the_rest_is_even(chart: Chart) -> None:
    scale = time_scale(chart, "time")
    for span in chart.idle:
        assert scale.place(span.until) - scale.place(span.since) <= NARROWED + 1e-6
    idle = {span.since for span in chart.idle}
    rates = [
        (scale.place(later) - scale.place(earlier)) / (seconds(later) - seconds(earlier))
        for earlier, later in pairwise(chart.times)
        if earlier not in idle
    ]
    assert rates == pytest.approx([rates[0]] * len(rates), rel=1e-3) if rates else True


def test_one_moment_has_a_place() -> None:
    chart = replace(LAB, until=LAB.since, times=LAB.times[:1], idle=())
    assert [time_scale(chart, kind).place(chart.since) for kind in KINDS] == [FIRST, FIRST]
    assert [tick.words for tick in ticks(time_scale(chart, "time"))] == ["14:52:46"]


def test_round_times_are_labelled_and_where_time_goes_on() -> None:
    assert [tick.words for tick in ticks(time_scale(LAB, "time"))] == [
        "14:52:46", "14:52:55", "14:53:21", "14:53:25", "14:53:30", "14:53:33",
    ]  # fmt: skip
    assert [tick.words for tick in ticks(time_scale(BALLOON, "time"))] == [
        "08:02", "08:04", "18:06", "18:07", "18:08", "18:09",
    ]  # fmt: skip


def test_the_date_stands_where_another_day_begins_and_days_begin_in_the_zone_of_the_page() -> None:
    def dates(zone: ZoneInfo | None = None) -> list[tuple[str, str]]:
        found = ticks(time_scale(EXTREMES, "time"), zone or UTC)
        return [(tick.words, tick.date) for tick in found if tick.date]

    assert dates() == [("08:00", "2026-11-23"), ("00:00", "2026-11-24"), ("00:00", "2026-11-25")]
    assert dates(ZoneInfo("Asia/Kolkata")) == [
        ("13:30", "2026-11-23"),
        ("00:00", "2026-11-24"),
        ("00:00", "2026-11-25"),
    ]


def test_a_day_of_25_hours_has_round_labels() -> None:
    chart = replace(EXTREMES, since=clock("10:00:00", "2026-10-20"), until=clock("10:00:00", "2026-10-28"), times=())
    found = ticks(time_scale(chart, "time"), ZoneInfo("Europe/Berlin"))
    assert {tick.words for tick in found[1:]} == {"00:00"}


# Sizes


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1 << 60))
def test_round_sizes_are_three_to_five_and_in_even_steps(most: int) -> None:
    grid = SizeScale(most=most, height=300).grid()
    if most >= 16:
        assert 3 <= len(grid) <= 5
    assert {later - earlier for earlier, later in pairwise([0, *grid])} <= {*grid[:1]}
    assert all(size < most for size in grid)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 240 << 40), min_size=1), st.integers(0, 1 << 20))
def test_sizes_stand_in_their_order_and_only_nothing_on_the_axis(sizes: list[int], more: int) -> None:
    scale = SizeScale(most=max(sizes) + more + 1, height=300)
    places = [scale.place(size) for size in sorted(sizes)]
    assert places == sorted(places, reverse=True)
    assert all(18 <= place <= 300 for place in places)
    assert all((scale.place(size) == 300) == (size == 0) for size in sizes)


def test_a_scale_knows_its_end() -> None:
    assert TimeScale(kind="time", knots=(0.0, 10.0), places=(0.0, 100.0)).end == 100
