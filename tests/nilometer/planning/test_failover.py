"""A host fails: what is answered is what trying everything finds."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.commands import DefineVm, RegisterHost, Start
from domain.deciding.world import World
from domain.errors import UnknownHost
from domain.guests import Guest
from domain.quantities import GiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from nilometer.planning.failover import Failover, fail_host

RESERVE = 2 * GiB


def cluster(sizes: list[int], rooms: list[int]) -> World:
    """A host with running VMs of these sizes, and others with this much free. GiB."""
    world = World()
    world.execute(RegisterHost("bad", HostVersion.V2022, (sum(sizes) + 1) * GiB + RESERVE, RESERVE))
    for number, room in enumerate(rooms):
        world.execute(RegisterHost(f"hv{number}", HostVersion.V2022, room * GiB + RESERVE, RESERVE))
    for number, size in enumerate(sizes):
        memory = MemorySetting(mode=Mode.STATIC, startup=size * GiB, minimum=0, maximum=0, buffer=0, weight=0)
        vm = f"vm{number}"
        world.execute(
            DefineVm(
                vm=vm, host="bad", generation=2, guest=Guest.WINDOWS, config_version=ConfigVersion(10, 0), memory=memory
            )
        )
        world.execute(Start(vm))
    return world


def is_placed(sizes: list[int], rooms: list[int]) -> bool:
    """Whether any placement fits, by trying all."""
    for places in product(range(len(rooms)), repeat=len(sizes)):
        left = list(rooms)
        for size, place in zip(sizes, places, strict=True):
            left[place] -= size
        if min(left, default=0) >= 0:
            return True
    return False


def is_always_placed(sizes: list[int], rooms: list[int]) -> bool:
    """Whether no order and no choice of hosts leaves a VM without a place, by trying all."""

    def goes(order: tuple[int, ...], left: tuple[int, ...]) -> bool:
        if not order:
            return True
        choices = [number for number, room in enumerate(left) if room >= order[0]]
        return bool(choices) and all(
            goes(order[1:], (*left[:number], left[number] - order[0], *left[number + 1 :])) for number in choices
        )

    return all(goes(order, tuple(rooms)) for order in set(permutations(sizes)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 9), max_size=4), st.lists(st.integers(1, 16), min_size=1, max_size=3))
def test_the_answer_is_what_trying_everything_finds(sizes: list[int], rooms: list[int]) -> None:
    world = cluster(sizes, rooms)
    found = fail_host(world, "bad")
    assert (found.answer is not Failover.NO) == is_placed(sizes, rooms)
    if found.answer is Failover.ALWAYS:
        assert is_always_placed(sizes, rooms)
    if found.answer is Failover.PLACED:
        left = {f"hv{number}": room * GiB for number, room in enumerate(rooms)}
        for vm, host in found.placement.items():
            left[host] -= found.needed[vm]
        assert sorted(found.placement) == sorted(found.needed)
        assert min(left.values()) >= 0


@pytest.mark.parametrize(
    ("sizes", "rooms", "answer", "reason"),
    [
        ([], [1], Failover.ALWAYS, ""),
        ([4, 4], [16], Failover.ALWAYS, ""),
        ([4, 4], [4, 4], Failover.ALWAYS, ""),
        ([6, 5, 5], [10, 6], Failover.PLACED, ""),
        ([9], [8, 8], Failover.NO, "vm"),
        ([8, 8, 8], [12, 8], Failover.NO, "sum"),
        ([6, 6, 6], [10, 10], Failover.NO, "search"),
    ],
)
def test_why_it_is_so(sizes: list[int], rooms: list[int], answer: Failover, reason: str) -> None:
    found = fail_host(cluster(sizes, rooms), "bad")
    assert (found.answer, found.reason) == (answer, reason)


def test_a_search_that_was_ended_is_unknown() -> None:
    world = cluster([7, 6, 5, 5, 4, 3], [10, 10, 10])
    assert fail_host(world, "bad", budget=1).answer is Failover.UNKNOWN
    assert fail_host(world, "bad").answer is Failover.PLACED


def test_a_vm_that_is_over_the_limit_of_a_host_does_not_fit_there() -> None:
    world = World()
    for host in ("bad", "hv0"):
        world.execute(RegisterHost(host, HostVersion.V2022 if host == "bad" else HostVersion.V2016, 2**45, RESERVE))
    memory = MemorySetting(mode=Mode.STATIC, startup=13 * 2**40, minimum=0, maximum=0, buffer=0, weight=0)
    world.execute(
        DefineVm(
            vm="big", host="bad", generation=2, guest=Guest.WINDOWS, config_version=ConfigVersion(10, 0), memory=memory
        )
    )
    world.execute(Start("big"))
    found = fail_host(world, "bad")
    assert (found.answer, found.reason, found.vm) == (Failover.NO, "vm", "big")


def test_a_host_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UnknownHost):
        fail_host(World(), "bad")
