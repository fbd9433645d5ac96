"""The figures over time are what the view shows at each moment: in one pass, and in a thousandth of the time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.observed.events import HostObserved, VmObserved
from domain.quantities import GiB
from domain.state import Power
from projections.fleet import Fleet
from projections.requests import RequestCourse, RequestCourses
from projections.series import FleetSeries, HostPoint, VmPoint, read_series
from projections.unknowns import WhyUnknown
from projections.view import HostRow, VmRow, view
from tests.projections.histories import HOST, START, WEB, Recorder, decided, in_use, observed, told
from tests.projections.test_recordings import recorded

VM_FIGURES = {
    name: name
    for name in (
        "host", "power", "session", "assigned", "held", "visible", "high_watermark", "in_use", "ballooned",
    )
}  # fmt: skip
HOST_FIGURES = {"total": "total", "reserve": "reserve", "held": "assigned", "free": "free"}
"""Their names in a row of the view."""


def check_against_views(history: list[Envelope[Event]]) -> None:
    series, fleet = FleetSeries(), Fleet()
    for event in history:
        points = series.take(event)
        fleet.apply(event)
        now = view(fleet)
        rows: dict[str, VmRow | HostRow] = {row.vm: row for row in now.vms} | {row.host: row for row in now.hosts}
        for point in points:
            names = HOST_FIGURES
            if isinstance(point, VmPoint):
                row = rows.get(point.vm)
                if row is None:  # removed, or retired: it has nothing
                    continue
                names = VM_FIGURES
            else:
                row = rows[point.host]
            assert {name: getattr(point, name) for name in names} == {
                name: getattr(row, shown) for name, shown in names.items()
            }
            assert point.position == event.position


@given(st.integers(0, 10_000), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_the_series_of_a_decided_history_is_what_the_view_shows_after_each_event(seed: int, lines: int) -> None:
    check_against_views(decided(seed, lines)[0])


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_series_of_an_observed_history_is_what_the_view_shows_after_each_event(seed: int) -> None:
    check_against_views(observed(seed, 120))


@pytest.mark.parametrize("name", ["s2_shrink_in_use_partial", "s4_beyond_limits", "s7_three_vms_one_budget"])
def test_the_series_of_a_recording_is_what_the_view_shows_after_each_event(name: str) -> None:
    check_against_views(recorded(name))


def test_what_was_measured_before_the_last_move_is_unknown_with_its_cause_and_cure() -> None:
    # given three VMs on one budget, at the moment when the first of three moves of vm0 was seen
    history = recorded("s7_three_vms_one_budget")
    moved = next(event.position for event in history if event.event.KIND == "vm.memory-moved")

    # when the view is taken right then
    row = view(Fleet().apply_all(history[:moved])).vms[0]

    # then what the guest sees is not said to be what it saw before, and why
    assert row.assigned == 384 * 2**20
    assert row.visible is None
    assert row.unknown["visible"].why is WhyUnknown.BEFORE_THE_LAST_MOVE
    assert row.unknown["visible"].last == 256 * 2**20
    assert row.last_change is not None
    assert (row.last_change.before, row.last_change.after) == (256 * 2**20, 384 * 2**20)
    assert row.unknown["memory"].collect == "Collect it with Get-VMMemory."
    # and the request that moves it is open, and waits for the rest
    assert [(request.requested, request.granted, request.gives) for request in row.open_requests] == [
        (384 * 2**20, 128 * 2**20, True)
    ]


def test_a_host_that_only_a_vm_names_is_in_the_view() -> None:
    row = view(Fleet().apply_all(recorded("s2_shrink_in_use_partial"))).hosts[0]

    assert (row.total, row.as_of) == (None, None)
    assert set(row.unknown) == {"total", "reserve", "free"}


def test_a_request_has_its_moves_and_settlements() -> None:
    courses = RequestCourses()
    found: dict[int, RequestCourse] = {}
    for event in recorded("s7_three_vms_one_budget"):
        course = courses.take(event)
        if course is not None:
            found[course.asked.position] = course

    assert len(found) == 5
    late = next(
        course for course in found.values() if len(course.settlements) == 2 and course.settlements[-1].event.late
    )
    assert (late.vm.endswith("vm1"), late.amount, late.granted, late.is_open) == (True, 256 * 2**20, 256 * 2**20, False)
    assert sum(move.event.size_to - move.event.size_from for move in late.moves) == 256 * 2**20


def test_an_import_is_not_history() -> None:
    history = recorded("s7_three_vms_one_budget")
    fleet = Fleet().apply_all(history)

    assert fleet.latest == max(point.at for point in read_series(history) if isinstance(point, VmPoint | HostPoint))


def test_a_vm_that_is_removed_has_nothing_from_then_on() -> None:
    points = list(read_series(told(HOST, {**WEB, "name": "Web 1"}, {"command": "remove-vm", "vm": "web01"})))
    last = points[-1]
    assert isinstance(last, VmPoint)
    assert (last.vm, last.host, last.power, last.is_on, last.is_known) == ("web01", "hv01", Power.OFF, False, False)
    assert {getattr(last, name) for name in VM_FIGURES} == {"hv01", Power.OFF, None}


def test_what_stands_on_a_stream_that_ended_gives_no_points() -> None:
    series, history = FleetSeries(), told(HOST, WEB, START)
    assert [len(series.take(event)) for event in history[:2]] == [1, 1]
    series.fleet.end(history[1].stream, 2, HistoryError("damaged"))
    assert [len(series.take(event)) for event in history[2:]] == [0, 1]


def test_a_point_is_known_if_all_that_is_measured_is() -> None:
    point = [*read_series(told(HOST, WEB, START, in_use("1GiB")))][-1]
    assert isinstance(point, VmPoint)
    assert replace(point, high_watermark=None).is_known
    assert not replace(point, assigned=None).is_known
    assert not replace(point, visible=None).is_known
    assert not replace(point, in_use=None).is_known
    assert not replace(point, ballooned=None).is_known


def test_a_vm_that_is_off_saved_or_not_known_has_no_memory() -> None:
    point = [*read_series(told(HOST, WEB, START))][-2]
    assert isinstance(point, VmPoint)
    assert [replace(point, power=power).is_on for power in Power] == [
        power in (Power.RUNNING, Power.PAUSED) for power in Power
    ]
    assert not replace(point, assigned=None).is_on


def test_a_series_goes_on_from_a_fleet() -> None:
    history = told(HOST, WEB, START, in_use("1GiB"))
    series = FleetSeries(Fleet().apply_all(history[:4]))
    assert series.take(history[4]) == [point for point in read_series(history) if point.position == 5]


def test_an_observed_vm_that_comes_to_another_host_concerns_both() -> None:
    recorder, series = Recorder(), FleetSeries()
    size = VmObserved(host="seen1", power=Power.RUNNING, assigned=GiB, name="Web")
    for stream, event in (
        ("host/seen1", HostObserved(total=8 * GiB, reserve=0)),
        ("host/seen2", HostObserved(total=8 * GiB, reserve=0)),
        ("vm/a", size),
        ("vm/b", size),
        ("vm/a", VmObserved(assigned=2 * GiB)),
        ("vm/a", VmObserved(host="seen2")),
        ("vm/a", VmObserved(host="nowhere")),
        ("vm/c", VmObserved(power=Power.RUNNING)),
        ("host/nowhere", HostObserved(total=8 * GiB)),
        ("vm/a", VmObserved(assigned=GiB)),
    ):
        recorder.append(stream, event, len(recorder.history), "c")
    found = [[(p.host, p.held) for p in series.take(one) if isinstance(p, HostPoint)] for one in recorder.history]
    assert found == [
        [("seen1", 0)],
        [("seen2", 0)],
        [("seen1", GiB)],
        [("seen1", 2 * GiB)],
        [("seen1", 3 * GiB)],
        [("seen1", GiB), ("seen2", 2 * GiB)],
        [("seen2", 0)],
        [],
        [("nowhere", 2 * GiB)],
        [("nowhere", GiB)],
    ]
