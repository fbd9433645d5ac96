"""A row of the view has what the events and the polls of its host say, each in its own place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.envelope import Envelope, Metadata
from domain.errors import UnknownHost, UnknownVm
from domain.events import Event
from domain.identifiers import StreamName
from domain.observed.events import HostNotWatched, HostObserved, HostWatched, VmNotListed, VmObserved, VmRetired
from domain.observed.polls import NewestPoll, PollFigures
from domain.quantities import GiB
from domain.settings import ConfigVersion, HostVersion
from domain.state import Power
from projections.fleet import Fleet
from projections.unknowns import WhyUnknown
from projections.view import HostRow, VmRow, view
from tests.projections.histories import HOST, START, WEB, add, in_use, time, told
from tests.projections.test_requests import ASKED, MOVED, OPEN

SEEN = VmObserved(
    name="Web", host="seen1", power=Power.RUNNING, session=1, assigned=4 * GiB, visible=3 * GiB, in_use=GiB
)


def fleet_of(*events: Event) -> Fleet:
    """What events of a VM and its host lead to, ten seconds apart, each in the ten seconds before it was recorded."""
    fleet, versions = Fleet(), dict[str, int]()
    for place, event in enumerate(events):
        stream = "host/seen1" if event.KIND.startswith("host.") else "vm/seen"
        versions[stream] = versions.get(stream, 0) + 1
        said = Metadata("ann", "nilo", time(10 * place), time(10 * place), f"c{place}", time(10 * place - 9))
        fleet.apply(Envelope(StreamName(stream), versions[stream], event, said, place + 1))
    return fleet


def rows_of(*events: Event) -> tuple[VmRow, HostRow]:
    shown = view(fleet_of(*events))
    return shown.vms[0], shown.hosts[0]


def polled(at: int, visible: int | None = 5 * GiB, in_use: int | None = 2 * GiB, vm: str = "seen") -> HostWatched:
    figures = PollFigures(time(at), 6 * GiB, visible, in_use)
    return HostWatched(since=time(0), polls=9, longest_gap=60, newest=(NewestPoll(vm, figures),))


def test_the_newest_poll_of_a_host_is_newer_than_the_last_event_of_its_vm() -> None:
    vm, host = rows_of(SEEN, HostObserved(total=GiB), polled(19))
    assert (vm.assigned, vm.visible, vm.high_watermark, vm.in_use) == (6 * GiB, 5 * GiB, 6 * GiB, 2 * GiB)
    assert (vm.in_use_reported, vm.in_use_as_of, vm.newest_poll, vm.watched_until) == (
        True,
        time(19),
        time(19),
        time(20),
    )
    assert {name: vm.measured[name] for name in ("assigned", "visible", "in_use", "power")} == {
        "assigned": time(19),
        "visible": time(19),
        "in_use": time(19),
        "power": time(0),
    }
    assert host.watched_until == time(20)


def test_what_the_newest_poll_does_not_show_is_not_known_of_that_moment() -> None:
    vm, _ = rows_of(SEEN, HostObserved(total=GiB), polled(19, visible=None, in_use=None))
    assert (vm.assigned, vm.visible, vm.in_use, vm.in_use_reported, vm.in_use_as_of) == (
        6 * GiB,
        3 * GiB,
        None,
        False,
        None,
    )
    assert vm.measured["visible"] == time(0)
    for visible, used in ((5 * GiB, None), (None, 2 * GiB)):
        vm, _ = rows_of(SEEN, HostObserved(total=GiB), polled(19, visible=visible, in_use=used))
        assert (vm.in_use, vm.in_use_reported) == (used, used is not None)
        assert vm.in_use_as_of == (None if used is None else time(19))
        why = vm.unknown.get("in_use")
        known = None if why is None else (why.why, why.since, why.last, why.measured)
        before = (WhyUnknown.BEFORE_THE_LAST_MOVE, time(19), GiB, time(0))
        assert known == (before if used is None else None)


@pytest.mark.parametrize("events", [(polled(0),), (polled(19, vm="another"),), (polled(19), VmNotListed(host="seen1"))])
def test_a_poll_that_is_no_newer_of_another_vm_or_of_one_that_is_gone_shows_nothing(events: tuple[Event, ...]) -> None:
    vm, _ = rows_of(SEEN, HostObserved(total=GiB), *events)
    assert (vm.assigned, vm.newest_poll) == (4 * GiB, None)


def test_a_poll_also_tells_what_was_unknown() -> None:
    vm, _ = rows_of(VmObserved(host="seen1", power=Power.RUNNING), HostObserved(total=GiB), polled(19, in_use=None))
    assert set(vm.unknown) == {"in_use", "memory"}


def test_a_host_is_shown_with_what_was_measured_of_it() -> None:
    observed = HostObserved(name="seen1", version=HostVersion.V2022, total=64 * GiB, free=40 * GiB)
    _, host = rows_of(SEEN, observed, HostNotWatched())
    assert (host.total, host.free, host.reserve, host.assigned) == (64 * GiB, 40 * GiB, None, 4 * GiB)
    assert host.not_watched == {"since": time(11), "until": time(20)}
    assert (host.version, host.origin, host.as_of, host.measured["total"]) == ("2022", "observed", time(20), time(10))
    _, host = rows_of(SEEN, replace(observed, reserve=GiB), polled(19))
    assert (host.free, host.not_watched, host.watched_until) == (40 * GiB, None, time(20))


def test_what_a_host_has_left_is_what_was_measured_unless_a_vm_holds_something_else_since_then() -> None:
    measured = HostObserved(name="seen1", total=64 * GiB, reserve=GiB, free=40 * GiB)
    _, host = rows_of(SEEN, measured)
    assert (host.free, host.measured["free"]) == (40 * GiB, time(10))
    for later in (VmObserved(assigned=8 * GiB), VmObserved(power=Power.OFF, assigned=0, held=0)):
        _, host = rows_of(SEEN, measured, later)
        assert host.free == 63 * GiB - (later.assigned or 0)
        _, host = rows_of(SEEN, measured, later, replace(measured, free=30 * GiB))
        assert host.free == 30 * GiB
    _, host = rows_of(SEEN, measured, VmObserved(in_use=2 * GiB))
    assert host.free == 40 * GiB
    _, host = rows_of(SEEN, replace(measured, free=None))
    assert host.free == 59 * GiB


def test_a_host_shows_what_its_vms_wait_for() -> None:
    for size, granted, unmet in ((GiB, 0, 2 * GiB), (2 * GiB, GiB, GiB), (3 * GiB, 2 * GiB, None)):
        moved = replace(MOVED, size_to=size)
        vm, host = rows_of(SEEN, HostObserved(total=64 * GiB), ASKED, moved, OPEN)
        assert host.unmet == unmet
        (request,) = vm.open_requests
        assert (request.requested, request.granted, request.target, request.gives) == (2 * GiB, granted, 3 * GiB, True)
        assert (request.asked_at, request.asked_after, request.settled_at) == (time(20), time(11), time(40))
    _, host = rows_of(SEEN, HostObserved(total=64 * GiB), replace(ASKED, amount=None))
    assert host.unmet is None
    taken = replace(ASKED, size_from=3 * GiB, target=GiB)
    vm, host = rows_of(SEEN, HostObserved(total=64 * GiB), taken, OPEN)
    assert (vm.open_requests[0].gives, vm.open_requests[0].remaining, host.unmet) == (False, 2 * GiB, None)


def test_a_decided_vm_is_shown_with_each_of_its_figures() -> None:
    row = view(Fleet().apply_all(told(HOST, WEB, START, in_use("1GiB"), add("2GiB")))).vms[0]
    assert (row.generation, row.config_version, row.power, row.session) == (2, "10.0", "running", 1)
    assert (row.assigned, row.held, row.visible, row.high_watermark) == (6 * GiB,) * 4
    assert (row.in_use, row.ballooned, row.paged_out, row.hot_pluggable) == (GiB, 0, 0, 6 * GiB)
    assert (row.name, row.host, row.origin, row.in_use_reported) == ("Web", "hv01", "decided", True)


def test_what_is_retired_is_shown_only_where_it_is_named() -> None:
    fleet = fleet_of(SEEN, HostObserved(total=GiB), VmRetired())
    assert view(fleet).vms == ()
    assert [row.vm for row in view(fleet, vm="seen").vms] == ["seen"]
    for named in ({"vm": "sene"}, {"host": "sene1"}):
        with pytest.raises((UnknownVm, UnknownHost)):
            view(fleet, **named)


def test_a_host_that_only_a_vm_names_is_shown_with_it() -> None:
    shown = view(fleet_of(SEEN), host="seen1")
    assert ([row.host for row in shown.hosts], [row.vm for row in shown.vms]) == (["seen1"], ["seen"])
    assert not shown.hosts[0].reserve_is_stated


def test_an_observed_vm_has_the_configuration_version_that_was_read() -> None:
    assert rows_of(SEEN)[0].config_version is None
    assert rows_of(replace(SEEN, config_version=ConfigVersion(9, 0)))[0].config_version == "9.0"
