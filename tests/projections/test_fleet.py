"""The fold: what a fleet is after a history, however it is cut."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates import HistoryError, HostAggregate
from domain.envelope import Envelope
from domain.errors import UnknownHost, UnknownVm
from domain.identifiers import import_stream, vm_stream
from domain.observed.events import HostObserved, VmObserved
from domain.quantities import GiB
from domain.settings import Mode
from domain.state import Power
from projections.books import host_book, host_books
from projections.fleet import Fleet
from projections.view import view
from tests.oracle.shapes import Line
from tests.projections.histories import HOST, START, WEB, Recorder, add, decided, in_use, time, told

seeds = st.integers(0, 2**20)


@given(seeds, st.integers(0, 80), st.data())
@settings(max_examples=40, deadline=None)
def test_replaying_a_first_part_and_then_the_rest_is_replaying_the_whole(
    seed: int, lines: int, data: st.DataObject
) -> None:
    history, _ = decided(seed, lines, observations=True)
    cut = data.draw(st.integers(0, len(history)))

    first = Fleet().apply_all(history[:cut])
    again = deepcopy(first)
    whole = Fleet().apply_all(history)

    assert first.apply_all(history[cut:]) == whole
    assert again.apply_all(history[cut:]) == whole
    assert view(first) == view(whole)


@given(seeds, st.integers(1, 120))
@settings(max_examples=60, deadline=None)
def test_the_view_shows_what_an_independent_model_says(seed: int, lines: int) -> None:
    history, state = decided(seed, lines)

    fleet = Fleet().apply_all(history)
    shown = view(fleet)

    assert [row.host for row in shown.hosts] == sorted(state["hosts"])
    assert [row.vm for row in shown.vms] == sorted(state["vms"])
    for row in shown.hosts:
        plain = state["hosts"][row.host]
        held = sum(plain["book"].values())
        assert (row.total, row.reserve, str(row.version)) == (plain["total"], plain["reserve"], plain["version"])
        assert (row.assigned, row.free) == (held, plain["total"] - plain["reserve"] - held)
        assert fleet.on(row.host) == {id for id, vm in state["vms"].items() if vm["host"] == row.host}
    for vm in shown.vms:
        due = state["vms"][vm.vm]
        assert vm.memory is not None
        assert {name: getattr(vm.memory, name) for name in due["memory"]} == due["memory"]
        same = due.keys() - {"memory", "vsc", "in_use"}
        assert {name: getattr(vm, name) for name in same} == {name: due.get(name) for name in same}
        assert vm.in_use == (due["in_use"] if due["in_use_reported"] or due["power"] == "off" else None)


@given(seeds, st.integers(1, 120))
@settings(max_examples=40, deadline=None)
def test_a_book_is_what_the_vms_on_the_host_hold(seed: int, lines: int) -> None:
    history, _ = decided(seed, lines)
    fleet = Fleet().apply_all(history)
    shown = {row.vm: row for row in view(fleet).vms}

    for book in host_books(fleet):
        assert book.held == sum(entry.held or 0 for entry in book.entries)
        assert {entry.vm: entry.held for entry in book.entries} == {id: shown[id].held for id in fleet.on(book.host)}
        assert book.total is not None
        assert book.reserve is not None
        assert book.held is not None
        assert book.free == book.total - book.reserve - book.held


def test_a_book_names_the_vms_and_has_the_largest_first_then_the_first_id() -> None:
    lines = [HOST]
    for vm, name, size in (("c", "Shop", 4), ("b", "Web", 4), ("a", "Zoo", 2), ("d", "Archive", 8), ("e", "Off", 0)):
        lines.append({**WEB, "vm": vm, "name": name, "memory": {"static": {"size": f"{size or 1}GiB"}}})
        lines += [{**START, "vm": vm}] if size else []
    fleet = Fleet().apply_all(told(*lines))
    host = fleet.hosts["hv01"].subject
    assert isinstance(host, HostAggregate)
    host.book["gone"] = 1  # as a book may say of a VM whose own stream is not there

    entries = [(entry.vm, entry.name, entry.held) for entry in host_book(fleet, "hv01").entries]

    assert entries == [
        ("d", "Archive", 8 * GiB),
        ("b", "Web", 4 * GiB),
        ("c", "Shop", 4 * GiB),
        ("a", "Zoo", 2 * GiB),
        ("gone", "gone", 1),
        ("e", "Off", 0),
    ]


def test_a_book_of_an_observed_host_begins_with_what_is_unknown() -> None:
    recorder = Recorder()
    recorder.append("host/seen", HostObserved(total=8 * GiB, budget=2 * GiB, free=GiB), 0, "a")
    recorder.append("vm/b", VmObserved(host="seen", power=Power.OFF, session=0), 1, "b")
    recorder.append("vm/a", VmObserved(host="seen", power=Power.OFF, session=0), 2, "c")
    recorder.append("vm/d", VmObserved(host="seen", power=Power.RUNNING, session=1), 3, "d")
    recorder.append("vm/c", VmObserved(host="seen", power=Power.RUNNING, session=1), 4, "e")

    book = host_book(recorder.fleet, "seen")

    assert [(entry.vm, entry.held) for entry in book.entries] == [("c", None), ("d", None), ("a", 0), ("b", 0)]
    assert book.held is None


def test_a_stream_that_ended_stays_as_it_was_while_the_others_go_on() -> None:
    history = told(HOST, WEB, START, {**HOST, "host": "hv02"})
    fleet = Fleet().apply_all(history[:2])
    fleet.end(vm_stream("web01"), 3, HistoryError("it cannot be read"))
    before = deepcopy(fleet.vms["web01"])
    for envelope in history[2:]:
        fleet.apply(envelope)
        assert fleet.position == envelope.position
    assert (fleet.vms["web01"], [*fleet.hosts]) == (before, ["hv01", "hv02"])


def test_two_fleets_are_equal_whatever_was_passed_over() -> None:
    history = told(HOST, WEB)
    fleet, other = Fleet().apply_all(history), Fleet().apply_all(history)
    fleet.end(vm_stream("db01"), fleet.position, HistoryError("it cannot follow"))
    assert fleet == other


def test_a_removed_vm_and_a_removed_host_leave_the_fleet() -> None:
    history = told(HOST, WEB, {"command": "remove-vm", "vm": "web01"}, {"command": "remove-host", "host": "hv01"})

    fleet = Fleet().apply_all(history[:3])
    assert (list(fleet.vms), list(fleet.hosts), fleet.on("hv01")) == ([], ["hv01"], frozenset())

    fleet.apply_all(history[3:])
    assert (fleet.vms, fleet.hosts) == ({}, {})


def test_a_vm_that_is_taken_as_it_was_stored_is_on_one_host_or_gone() -> None:
    move: Line = {"command": "move-vm", "vm": "web01", "to": "hv02"}
    fleet = Fleet().apply_all(told(HOST, WEB))
    later = Fleet().apply_all(told(HOST, WEB, {**HOST, "host": "hv02"}, move)).vms["web01"]

    fleet.put_vm("web01", later)
    assert (fleet.on("hv01"), fleet.on("hv02")) == (frozenset(), frozenset({"web01"}))

    removed = deepcopy(later)
    removed.subject.removed = True
    fleet.put_vm("web01", removed)
    assert (fleet.vms, fleet.on("hv01"), fleet.on("hv02")) == ({}, frozenset(), frozenset())


def test_a_vm_is_in_the_fleet_before_anybody_has_told_its_host() -> None:
    recorder = Recorder()
    recorder.append("vm/a", VmObserved(power=Power.RUNNING, session=1), 1, "a")
    assert [*recorder.fleet.vms] == ["a"]
    recorder.append("vm/a", VmObserved(host="seen"), 2, "b")
    assert recorder.fleet.on("seen") == {"a"}


def test_each_figure_says_when_it_was_told() -> None:
    history = told(HOST, WEB, START, in_use("1GiB"), add("2GiB"))

    row = view(Fleet().apply_all(history)).vms[0]
    assert (row.in_use, row.in_use_as_of) == (2**30, time(3))
    assert row.as_of == time(4)

    history = told(HOST, WEB, START, in_use("1GiB"), {"command": "reboot-guest", "vm": "web01"})
    row = view(Fleet().apply_all(history)).vms[0]
    assert (row.in_use, row.in_use_reported, row.in_use_as_of) == (None, False, None)
    assert row.unknown["in_use"].why == "not-reported"


def test_a_view_of_one_vm_shows_its_host_and_no_other() -> None:
    other = {**WEB, "vm": "db01", "host": "hv02"}
    fleet = Fleet().apply_all(told(HOST, {**HOST, "host": "hv02"}, WEB, other))

    assert [row.host for row in view(fleet, vm="web01").hosts] == ["hv01"]
    assert [row.vm for row in view(fleet, vm="web01").vms] == ["web01"]
    assert [row.vm for row in view(fleet, host="hv02").vms] == ["db01"]
    assert [row.host for row in view(fleet, host="hv02").hosts] == ["hv02"]
    assert view(fleet, vm="web01", host="hv02").vms == ()


def test_a_view_of_what_is_not_there_says_so() -> None:
    fleet = Fleet().apply_all(told(HOST))
    with pytest.raises(UnknownVm, match="there is no VM 'web01'"):
        view(fleet, vm="web01")
    with pytest.raises(UnknownHost, match="there is no host 'hv99'"):
        view(fleet, host="hv99")
    with pytest.raises(UnknownHost, match="there is no host 'hv99'"):
        host_book(fleet, "hv99")


def test_a_view_is_of_the_moment_asked_for_else_of_its_latest_event() -> None:
    fleet = Fleet().apply_all(told(HOST, WEB))
    assert (view(fleet).position, view(fleet).at) == (2, time(1))
    assert view(fleet, at=time(50)).at == time(50)
    assert (view(Fleet()).position, view(Fleet()).at) == (0, None)


def test_a_static_setting_is_shown_as_it_stands() -> None:
    row = view(Fleet().apply_all(told(HOST, WEB, START, add("2GiB")))).vms[0]
    assert row.memory is not None
    assert (row.memory.mode, row.memory.startup) == (Mode.STATIC, 6 * 2**30)


def test_a_history_without_its_beginning_is_refused() -> None:
    history = told(HOST, WEB, START)
    for cut in (history[1:], history[:1] + history[2:]):
        fleet = Fleet()
        with pytest.raises(HistoryError, match=r"event .* at position \d"):
            fleet.apply_all(cut[-2:])


def test_nothing_follows_a_removal() -> None:
    history = told(HOST, WEB, {"command": "remove-vm", "vm": "web01"})
    late = Envelope(vm_stream("web01"), 3, history[2].event, history[2].metadata, 4)
    with pytest.raises(HistoryError, match="vm/web01/3"):
        Fleet().apply_all([*history, late])


def test_events_of_a_stream_that_has_ended_are_passed_over() -> None:
    history = told(HOST, WEB, START)
    fleet = Fleet().apply_all(history[:2])
    before = deepcopy(fleet.vms)

    fleet.end(vm_stream("web01"), 7, UnknownVm("web01"))
    assert fleet.position == 7
    fleet.apply(replace(history[2], position=8))

    assert (fleet.vms, fleet.position) == (before, 8)


def test_what_is_imported_is_no_history_and_takes_place_at_no_time() -> None:
    history = told(HOST, WEB, START)
    fleet = Fleet().apply_all(history)
    latest = fleet.latest
    late = replace(history[-1].metadata, happened=time(9999))
    imported = replace(history[-1], stream=import_stream("0123"), metadata=late, position=fleet.position + 1)

    fleet.apply(imported)

    assert (fleet.latest, fleet.position) == (latest, imported.position)
