"""Where no VM may span NUMA nodes: a yes holds however the free memory is spread over the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import AddMemory, Start
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.quantities import GiB
from domain.settings import MemorySetting
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.failover import Failover
from nilometer.planning.observed import ObservedAnswer, ask_observed
from nilometer.planning.observed_failover import fail_observed_host, find_room
from projections.fleet import Fleet
from projections.tracked import Tracked
from tests.nilometer.planning.test_failover import is_placed

NOON = UtcTime("2026-11-23T12:00:00.000000Z")
NODES = st.lists(st.integers(1, 6), min_size=1, max_size=3)


def spread(nodes: list[int], free: int) -> Iterator[tuple[int, ...]]:
    """Every way in which so much may be free on nodes of these sizes."""
    return (parts for parts in product(*(range(size + 1) for size in nodes)) if sum(parts) == free)


def a_host(nodes: list[int], free: int, *, spanning: bool | None = False) -> ObservedHost:
    """A host that was measured now."""
    sizes = tuple(size * GiB for size in nodes)
    return ObservedHost(
        id="hv0", name="hv0", free=free * GiB, measured={"free": NOON}, numa_spanning=spanning, numa_nodes=sizes
    )


def asked(host: ObservedHost, amount: int, power: Power = Power.RUNNING) -> ObservedAnswer:
    """The answer about a VM on that host, beside another one that has much to give."""
    fleet, static = Fleet(), MemorySetting.static(64 * GiB)
    fleet.put_host("hv0", Tracked(host, NOON))
    own = MemorySetting.static(amount * GiB)  # what it starts with, if it is off
    target = ObservedVm(id="vm0", name="vm0", host="hv0", power=power, memory=own, assigned=GiB)
    other = ObservedVm(
        id="vm1", name="vm1", host="hv0", power=Power.RUNNING, memory=static, assigned=64 * GiB, in_use=0,
        measured={"in_use": NOON},
    )  # fmt: skip
    for vm in (target, other):
        fleet.put_vm(vm.id, Tracked(vm, NOON))
    command = Start(target.id) if power is Power.OFF else AddMemory(target.id, amount * GiB)
    return ask_observed(fleet, target, command, NOON, lambda _: ())


@settings(max_examples=200, deadline=None)
@given(NODES, st.data())
def test_yes_holds_whichever_node_the_vm_has_and_whichever_is_free(nodes: list[int], data: st.DataObject) -> None:
    free, amount = data.draw(st.integers(0, sum(nodes))), data.draw(st.integers(1, 8))
    running = asked(a_host(nodes, free), amount)
    always = all(min(parts) >= amount for parts in spread(nodes, free))
    assert (running.answer is CanAnswer.YES) == always
    if running.answer is CanAnswer.UNKNOWN:
        assert free >= amount
    if len(nodes) > 1 and not always:
        assert (running.options, running.nodes) == (None, tuple(size * GiB for size in nodes)) or free == 0
    started = asked(a_host(nodes, free), amount, Power.OFF)
    if started.answer is CanAnswer.YES:
        assert all(max(parts) >= amount for parts in spread(nodes, free))
    assert (started.answer is CanAnswer.NOT_NOW) == (free < amount)


@settings(max_examples=100, deadline=None)
@given(NODES, st.lists(st.integers(1, 5), max_size=3), st.data())
def test_of_a_host_that_fails_a_yes_holds_however_the_others_are_free(
    nodes: list[int], sizes: list[int], data: st.DataObject
) -> None:
    free = data.draw(st.integers(0, sum(nodes)))
    fleet = Fleet()
    fleet.put_host("bad", Tracked(ObservedHost(id="bad", name="bad"), NOON))
    fleet.put_host("hv0", Tracked(a_host(nodes, free), NOON))
    for number, size in enumerate(sizes):
        vm = ObservedVm(
            id=f"vm{number}", name="", host="bad", power=Power.RUNNING, memory=MemorySetting.static(size * GiB)
        )
        fleet.put_vm(vm.id, Tracked(vm, NOON))
    found = fail_observed_host(fleet, "bad", {"hv0": find_room(fleet, "hv0", NOON, ())})
    placed = [is_placed(sizes, list(parts)) for parts in spread(nodes, free)]
    if found.answer in (Failover.ALWAYS, Failover.PLACED):
        assert all(placed)
    if found.answer is Failover.NO:
        assert not any(placed)


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        (a_host([4, 4], 6, spanning=True), CanAnswer.YES),
        (a_host([4, 4], 6, spanning=None), CanAnswer.YES),
        (a_host([4, 4], 6), CanAnswer.UNKNOWN),
        (a_host([4, 4], 7), CanAnswer.YES),
        (a_host([], 6), CanAnswer.UNKNOWN),
        (replace(a_host([8], 6), numa_nodes=(8 * GiB,)), CanAnswer.YES),
    ],
)
def test_only_where_spanning_is_off_the_nodes_count(host: ObservedHost, answer: CanAnswer) -> None:
    assert asked(host, 3).answer is answer
