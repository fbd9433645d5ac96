"""The difference of two moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.envelope import Envelope
from domain.events import Event
from domain.observed.events import HostObserved, HostWatched, VmObserved
from domain.observed.polls import NewestPoll, PollFigures
from domain.state import Power
from projections.diff import FigureChange, attribute, difference
from projections.fleet import Fleet
from projections.view import View, view
from tests.oracle.shapes import Line
from tests.projections.histories import HOST, START, WEB, Recorder, add, decided, in_use, time, told
from tests.projections.test_requests import ASKED, MOVED, OPEN

GiB = 2**30


def at(history: Sequence[Envelope[Event]], position: int) -> View:
    return view(Fleet().apply_all(history[:position]))


def test_a_difference_tells_each_figure_and_the_events_that_did_it() -> None:
    history = told(HOST, WEB, START, in_use("1GiB"), add("2GiB"), {"command": "stop", "vm": "web01"})
    # 1 host, 2 VM, 3+4 start, 5 in use, 6+7 add, 8+9 stop
    found = difference(at(history, 5), at(history, 7), history[5:7])

    assert found.changes == (
        FigureChange("hosts.hv01.assigned", 4 * GiB, 6 * GiB),
        FigureChange("hosts.hv01.free", (64 * 1024 - 2304 - 4096) * 2**20, (64 * 1024 - 2304 - 6144) * 2**20),
        FigureChange("vms.web01.memory.startup", 4 * GiB, 6 * GiB),
        FigureChange("vms.web01.assigned", 4 * GiB, 6 * GiB),
        FigureChange("vms.web01.held", 4 * GiB, 6 * GiB),
        FigureChange("vms.web01.visible", 4 * GiB, 6 * GiB),
        FigureChange("vms.web01.high_watermark", 4 * GiB, 6 * GiB),
        FigureChange("vms.web01.hot_pluggable", 4 * GiB, 6 * GiB),
    )
    assert found.positions == (6, 7)


def test_a_vm_that_came_or_went_is_one_change() -> None:
    history = told(HOST, WEB)
    before, after = at(history, 1), at(history, 2)

    assert difference(before, after).changes == (FigureChange("vms.web01", None, after.vms[0]),)
    assert difference(after, before).changes == (FigureChange("vms.web01", after.vms[0], None),)


def test_what_was_refused_did_nothing() -> None:
    history = told(HOST, WEB, {"command": "add-memory", "vm": "web01", "amount": "1GiB"}, START)

    found = difference(at(history, 2), at(history, 5), history[2:])

    assert found.positions == (4, 5)


def test_a_figure_that_was_told_again_has_not_changed() -> None:
    history = told(HOST, WEB, START, in_use("1GiB"), in_use("1GiB"))

    assert difference(at(history, 5), at(history, 6), history[5:]).changes == ()


def test_what_was_refused_of_a_host_did_nothing() -> None:
    refused: Line = {"command": "resize-host", "host": "hv01", "total": "1GiB"}
    history = told(HOST, refused, {**refused, "total": "96GiB"})

    found = difference(at(history, 1), at(history, 3), history[1:])

    assert [change.path for change in found.changes] == ["hosts.hv01.total", "hosts.hv01.free"]
    assert found.positions == (3,)


@given(st.integers(0, 2**20), st.integers(1, 100), st.data())
@settings(max_examples=40, deadline=None)
def test_a_difference_is_empty_exactly_when_no_figure_differs(seed: int, lines: int, data: st.DataObject) -> None:
    history, _ = decided(seed, lines)
    low = data.draw(st.integers(0, len(history)))
    high = data.draw(st.integers(low, len(history)))

    forth = difference(at(history, low), at(history, high), history[low:high])
    back = difference(at(history, high), at(history, low), history[low:high])

    assert [(each.path, each.after, each.before) for each in back.changes] == [
        (each.path, each.before, each.after) for each in forth.changes
    ]
    assert back.positions == forth.positions
    assert all(low < position <= high for position in forth.positions)
    if forth.changes:
        assert forth.positions


def test_each_figure_is_attributed_to_the_events_that_changed_it() -> None:
    moved: Line = {"command": "move-vm", "vm": "web01", "to": "hv02"}
    history = told(HOST, {**HOST, "host": "hv02"}, WEB, START, in_use("1GiB"), add("2GiB"), add("1GiB"), moved)
    # 1+2 hosts, 3 VM, 4+5 start, 6 in use, 7+8 add, 9+10 add, 11+12+13 move
    found = attribute(Fleet().apply_all(history[:2]), history[2:])

    assert found["vms.web01"] == (3,)
    assert found["vms.web01.assigned"] == (3, 4, 7, 9)
    assert found["vms.web01.power"] == (3, 4)
    assert found["vms.web01.in_use"] == (3, 4, 6)
    assert found["vms.web01.host"] == (3, 11)
    assert found["hosts.hv01.free"] == (5, 8, 10, 12)
    assert found["hosts.hv02.assigned"] == (13,)
    assert "hosts.hv01" not in found
    assert "vms.web01.generation" in found
    assert attribute(Fleet(), history[:1])["hosts.hv01"] == (1,)


def test_an_event_that_cannot_follow_changes_nothing_nor_does_any_after_it() -> None:
    defined, started, granted, added = told(HOST, WEB, START, add("2GiB"))[1:5]
    assert attribute(Fleet(), [started, defined, added]) == {}
    assert attribute(Fleet(), [granted, defined])["vms.web01"] == (2,)
    fleet = Fleet()
    assert attribute(fleet, [added]) == {}
    assert fleet.position == added.position != added.version


def test_a_vm_and_a_host_of_one_id_are_attributed_apart() -> None:
    found = attribute(Fleet(), told(HOST, {**WEB, "vm": "hv01"}))
    assert (found["hosts.hv01"], found["vms.hv01"]) == ((1,), (2,))
    assert (found["hosts.hv01.total"], found["vms.hv01.generation"]) == ((1,), (2,))


def test_only_what_changes_from_the_fleet_on_is_attributed_and_the_host_of_an_observed_vm_with_it() -> None:
    history = told(HOST, WEB, START, add("2GiB"))
    assert "vms.web01" not in attribute(Fleet().apply_all(history[:4]), history[4:])
    recorder = Recorder()
    recorder.append("host/seen1", HostObserved(total=64 * GiB), 0, "c")
    seen = VmObserved(host="seen1", name="Web", power=Power.RUNNING, assigned=GiB)
    for place, event in enumerate((seen, VmObserved(assigned=2 * GiB), VmObserved(host="seen2")), start=1):
        recorder.append("vm/seen", event, place, "c")
    assert attribute(Fleet(), recorder.history)["hosts.seen1.assigned"] == (1, 2, 3, 4)


def test_what_a_poll_of_the_host_shows_of_a_vm_is_attributed_to_the_event_that_tells_of_the_polls() -> None:
    recorder = Recorder()
    recorder.append("host/seen1", HostObserved(total=64 * GiB), 0, "c")
    seen = VmObserved(host="seen1", name="Web", power=Power.RUNNING, assigned=GiB)
    recorder.append("vm/seen", seen, 1, "c")
    newest = NewestPoll("seen", PollFigures(time(2), 3 * GiB, None, None))
    recorder.append("host/seen1", HostWatched(since=time(0), polls=9, longest_gap=60, newest=(newest,)), 3, "c")
    found = difference(at(recorder.history, 2), at(recorder.history, 3)).changes
    by = attribute(Fleet(), recorder.history)
    assert FigureChange("vms.seen.assigned", GiB, 3 * GiB) in found
    assert {change.path: by[change.path][-1] for change in found} == dict.fromkeys([one.path for one in found], 3)


def test_what_a_host_has_not_granted_is_attributed_to_the_request() -> None:
    recorder = Recorder()
    recorder.append("host/seen1", HostObserved(total=64 * GiB), 0, "c")
    seen = VmObserved(host="seen1", name="Web", power=Power.RUNNING, assigned=GiB)
    for place, event in enumerate((seen, ASKED, replace(MOVED, size_to=GiB), OPEN), start=1):
        recorder.append("vm/seen", event, place, "c")
    found = difference(at(recorder.history, 2), at(recorder.history, 5)).changes
    change = next(one for one in found if one.path == "hosts.seen1.unmet")
    assert change == FigureChange("hosts.seen1.unmet", None, 2 * GiB)
    assert attribute(Fleet(), recorder.history)[change.path] == (3,)


def test_a_row_that_went_is_attributed_to_the_event_that_removed_it() -> None:
    history = told(HOST, WEB, {"command": "remove-vm", "vm": "web01"})
    assert attribute(Fleet(), history)["vms.web01"] == (2, 3)
    assert attribute(Fleet(), history)["vms.web01.memory.startup"] == (2, 3)


def test_events_of_others_are_not_among_those_that_changed_something() -> None:
    other: Line = {**WEB, "vm": "web02"}
    history = told(HOST, WEB, START, other, {"command": "start", "vm": "web02"}, in_use("1GiB"))
    before, after = at(history, 3), at(history, 3)
    assert difference(before, after, history).positions == ()
    found = difference(at(history, 7), at(history, 8), history)
    assert [change.path for change in found.changes] == ["vms.web01.in_use", "vms.web01.in_use_reported"]
    assert found.positions == (2, 3, 8)
