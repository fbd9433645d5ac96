"""An observed host fails: what is answered is true for every figure that the polls leave open."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.quantities import GiB
from domain.settings import MemorySetting
from domain.state import Power
from nilometer.planning.failover import FIGURES, Failover
from nilometer.planning.observed_failover import FailoverRoom, fail_observed_host, find_room
from projections.fleet import Fleet
from projections.tracked import Tracked
from tests.nilometer.planning.test_failover import is_placed

NOON = UtcTime("2026-11-23T12:00:00.000000Z")


def fleet_of(sizes: list[int | None], rooms: int) -> Fleet:
    """A host with VMs that start with so many GiB, and others."""
    fleet = Fleet()
    for id in ("bad", *(f"hv{number}" for number in range(rooms))):
        fleet.put_host(id, Tracked(ObservedHost(id=id, name=id), NOON))
    for number, size in enumerate(sizes):
        memory = None if size is None else MemorySetting.static(size * GiB)
        vm = ObservedVm(id=f"vm{number}", name=f"vm{number}", host="bad", power=Power.RUNNING, memory=memory)
        fleet.put_vm(vm.id, Tracked(vm, NOON))
    return fleet


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 9), max_size=4),
    st.lists(st.tuples(st.integers(0, 16), st.integers(0, 8)), min_size=1, max_size=3),
)
def test_yes_has_room_with_the_least_and_no_has_none_with_the_most(
    sizes: list[int], rooms: list[tuple[int, int]]
) -> None:
    least, most = [low for low, _ in rooms], [low + more for low, more in rooms]
    room = {
        f"hv{number}": FailoverRoom(least=low * GiB, most=high * GiB, measured=NOON)
        for number, (low, high) in enumerate(zip(least, most, strict=True))
    }
    found = fail_observed_host(fleet_of([*sizes], len(rooms)), "bad", room)
    assert (found.answer in (Failover.ALWAYS, Failover.PLACED)) == is_placed(sizes, least)
    assert (found.answer is Failover.NO) == (not is_placed(sizes, most))
    assert (found.answer is Failover.UNKNOWN) == (found.reason == FIGURES)


@pytest.mark.parametrize(
    ("sizes", "room", "answer"),
    [
        ([4], FailoverRoom(), Failover.UNKNOWN),
        ([], FailoverRoom(), Failover.ALWAYS),
        ([None], FailoverRoom(least=64 * GiB, most=64 * GiB, measured=NOON), Failover.UNKNOWN),
        ([None, 8], FailoverRoom(least=4 * GiB, most=4 * GiB, measured=NOON), Failover.NO),
    ],
)
def test_what_was_not_measured_is_unknown_unless_the_rest_decides(
    sizes: list[int | None], room: FailoverRoom, answer: Failover
) -> None:
    found = fail_observed_host(fleet_of(sizes, 1), "bad", {"hv0": room})
    assert found.answer is answer
    assert found.unknown == tuple(f"vm{number}" for number, size in enumerate(sizes) if size is None)


def test_a_vm_that_is_off_or_gone_needs_nothing() -> None:
    fleet = fleet_of([8, 8], 1)
    off = ObservedVm(id="vm0", name="vm0", host="bad", power=Power.OFF, memory=MemorySetting.static(8 * GiB))
    gone = ObservedVm(
        id="vm1", name="vm1", host="bad", memory=MemorySetting.static(8 * GiB), measured={"not_listed": NOON}
    )
    for vm in (off, gone):
        fleet.put_vm(vm.id, Tracked(vm, NOON))
    assert fail_observed_host(fleet, "bad", {}).answer is Failover.ALWAYS


def test_a_figure_of_the_last_five_minutes_is_taken_as_it_is() -> None:
    fleet = fleet_of([], 0)
    fleet.put_host("hv0", Tracked(ObservedHost(id="hv0", name="hv0", free=GiB, measured={"free": NOON}), NOON))
    assert find_room(fleet, "hv0", UtcTime("2026-11-23T12:05:00.000000Z"), ()) == FailoverRoom(
        least=GiB, most=GiB, measured=NOON
    )
    assert find_room(fleet, "hv0", UtcTime("2026-11-23T12:05:00.000001Z"), ()) == FailoverRoom(measured=NOON)
