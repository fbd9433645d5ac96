"""Observed hosts: what their events come to, and their accounts. Sizes are MiB; what nobody measured is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.identifiers import UtcTime
from domain.observed.events import (
    DeviceFigures,
    HostInventoried,
    HostNotWatched,
    HostObserved,
    HostRetired,
    HostWatched,
    Observed,
    VmObserved,
)
from domain.observed.host import HostAccount, ObservedHost, account_of, room_of
from domain.observed.polls import Gap, NewestPoll, PollFigures
from domain.observed.vm import ObservedVm
from domain.observed.words import STATED, Means
from domain.settings import HostVersion
from domain.state import Power
from tests.domain.observed.test_vm import at, booted, vm_after

POLL = PollFigures(at=at(3), assigned=1024, visible=None, in_use=None)


def host_after(*events: Observed) -> ObservedHost:
    """A host after these events, one a second."""
    host = ObservedHost.begin("hv01")
    for second, event in enumerate(events, start=1):
        host.apply(event, at(second))
    return host


def watched(*newest: NewestPoll) -> HostWatched:
    return HostWatched(since=at(0), polls=2, longest_gap=60, newest=newest)


def test_of_a_host_before_its_first_event_nothing_is_known() -> None:
    host = ObservedHost.begin("hv01")
    assert (host.id, host.name, host.version, host.total, host.measured, host.removed) == (
        "hv01",
        "hv01",
        0,
        None,
        {},
        False,
    )


def test_a_figure_stays_until_it_is_measured_again_and_has_the_time_of_its_measure() -> None:
    first = HostObserved(name="HV01", version=HostVersion.V2022, total=4096, reserve=96, budget=4000, free=3000)
    host = host_after(first, HostObserved(free=2000), HostObserved(version=HostVersion.V2025, total=8192))
    assert (host.name, host.total, host.reserve, host.budget, host.free) == ("HV01", 8192, 96, 4000, 2000)
    assert (host.host_version, host.version) == (HostVersion.V2025, 3)
    times = {"name": at(1), "total": at(3), "reserve": at(1), "budget": at(1), "free": at(2)}
    assert host.measured == times


def test_a_reserve_is_stated_until_it_is_measured() -> None:
    stated = HostObserved(reserve=96, label=STATED)
    assert host_after(stated).reserve_is_stated
    assert host_after(stated, HostObserved(total=4096)).reserve_is_stated
    assert not host_after(stated, HostObserved(reserve=128)).reserve_is_stated
    assert not host_after(HostObserved(total=4096, label=STATED)).reserve_is_stated


def test_a_retired_host_is_retired_until_it_is_seen_again() -> None:
    assert host_after(HostObserved(total=4096), HostRetired()).retired_since == at(2)
    assert host_after(HostRetired(), HostObserved(total=4096)).retired_since is None


def test_a_host_is_watched_until_the_last_poll_that_any_import_read() -> None:
    host = host_after(watched(NewestPoll("web01", POLL)))
    assert (host.watched_until, host.newest) == (at(1), {"web01": POLL})
    host.apply(watched(NewestPoll("db01", POLL)), at(5))
    assert (host.watched_until, host.newest) == (at(5), {"db01": POLL})
    host.apply(watched(), at(3))
    assert (host.watched_until, host.newest) == (at(5), {})


def test_what_the_newest_poll_of_an_import_shows_free_is_what_was_measured_last() -> None:
    polls = replace(watched(), free=1000, least=500, most=3000)
    host = host_after(HostObserved(total=4096, free=2000), polls)
    assert (host.free, host.measured["free"]) == (1000, at(2))
    host.apply(watched(), at(4))  # none of its last polls showed it
    assert (host.free, host.measured["free"]) == (1000, at(2))
    host.apply(replace(polls, free=3000), at(1))  # older polls, imported later
    assert (host.free, host.measured["free"]) == (1000, at(2))


def test_the_last_time_without_polls_is_known_if_its_beginning_is() -> None:
    host = host_after(HostNotWatched())
    assert host.gap is None
    host.apply(HostNotWatched(), at(9), at(4))
    assert host.gap == Gap(since=at(4), until=at(9))
    host.apply(HostObserved(total=4096), at(12), at(11))
    assert host.gap == Gap(since=at(4), until=at(9))


def test_an_inventory_keeps_what_it_does_not_show() -> None:
    booted = UtcTime("2026-11-20T06:00:00.000000Z")
    first = HostInventoried(booted=booted, cluster="east", numa_spanning=False, numa_nodes=(2048, 2048))
    for inventory in (first, HostInventoried()):
        host = host_after(first, inventory)
        assert (host.booted, host.cluster, host.numa_spanning) == (booted, "east", False)
        assert host.numa_nodes == (2048, 2048)
    other = HostInventoried(booted=at(0), cluster="west", numa_spanning=True, numa_nodes=(4096,))
    host = host_after(first, other)
    assert (host.booted, host.cluster, host.numa_spanning, host.numa_nodes) == (at(0), "west", True, (4096,))


@pytest.mark.parametrize(
    ("spanning", "nodes", "free", "of_a_vm", "of_any"),
    [
        (None, (), 3000, 3000, 3000),
        (True, (2048, 2048), 3000, 3000, 3000),
        (False, (), 3000, 0, 0),
        (False, (4096,), 3000, 3000, 3000),
        (False, (2048, 2048), 3000, 952, 1500),
        (False, (2048, 2048), 3800, 1752, 1900),
        (False, (2048, 2048), 1000, 0, 500),
        (False, (1024, 3072), 3500, 428, 1750),
        (False, (1024, 1024, 1024), 2900, 852, 966),
    ],
)
def test_one_node_has_at_least_so_much_free(
    *, spanning: bool | None, nodes: tuple[int, ...], free: int, of_a_vm: int, of_any: int
) -> None:
    host = host_after(HostInventoried(numa_spanning=spanning, numa_nodes=nodes))
    assert host.find_node_room(free, is_any=False) == of_a_vm
    assert host.find_node_room(free, is_any=True) == of_any


# Its account


def host_with(budget: HostObserved, *vms: ObservedVm) -> HostAccount:
    host = ObservedHost.begin("hv01")
    host.apply(budget, at(1))
    return account_of(host, vms)


def test_a_budget_that_backs_all_memory_is_the_hosts_total() -> None:
    account = host_with(HostObserved(budget=4096, free=2816), vm_after(booted(virtio=256, backed=True)))
    assert (account.total, account.reserve, account.held, account.free) == (4096, 0, 1280, 2816)
    assert (account.measured_free, account.measured_at) == (2816, at(1))


def test_only_what_the_budget_backs_is_in_its_book() -> None:
    half = vm_after(
        booted(backed=False), VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 256, None, True),))
    )
    account = host_with(HostObserved(budget=4096), half)
    assert (account.total, account.book, account.free) == (None, {"web01": 256}, 3840)


def test_a_vm_whose_backing_is_unknown_makes_the_account_unknown() -> None:
    account = host_with(HostObserved(total=4096, reserve=100), vm_after(booted()))
    assert (account.book, account.held, account.free, account.total) == ({"web01": None}, None, None, 4096)


def test_a_host_of_vms_without_devices_holds_what_they_are_assigned() -> None:
    vm = vm_after(VmObserved(power=Power.RUNNING, assigned=1024))
    account = host_with(HostObserved(total=4096, reserve=96), vm)
    assert (account.held, account.free) == (1024, 2976)


def test_a_vm_that_holds_nothing_is_not_in_the_book() -> None:
    off, on = VmObserved(power=Power.OFF), VmObserved(power=Power.RUNNING, assigned=1024)
    account = host_with(HostObserved(total=4096, reserve=96), vm_after(off), named("db01", vm_after(on)))
    assert (account.book, account.held, account.free) == ({"db01": 1024}, 1024, 2976)
    assert host_with(HostObserved(total=4096, reserve=96), vm_after(off)).free == 4000


def named(id: str, vm: ObservedVm) -> ObservedVm:
    vm.id = id
    return vm


def test_what_is_free_is_unknown_while_the_reserve_is_or_what_one_vm_holds() -> None:
    on = vm_after(VmObserved(power=Power.RUNNING, assigned=1024))
    assert host_with(HostObserved(total=4096), on).free is None
    account = host_with(HostObserved(total=4096, reserve=96), on, named("db01", vm_after(VmObserved(name="db01"))))
    assert (account.book, account.held, account.free) == ({"web01": 1024, "db01": None}, None, None)


def test_of_a_host_with_a_budget_what_is_left_of_it_is_free_whatever_its_total_is() -> None:
    on = vm_after(VmObserved(power=Power.RUNNING, assigned=1024))
    account = host_with(HostObserved(total=8192, reserve=96, budget=4096), on)
    assert (account.total, account.reserve, account.budget, account.free) == (8192, 96, 4096, 3072)
    account = host_with(HostObserved(budget=4096), on)
    assert (account.total, account.reserve, account.free) == (None, None, 3072)


def test_a_budget_is_no_total_where_it_does_not_back_all_memory_of_all_vms() -> None:
    backed = vm_after(booted(backed=True))
    half = vm_after(
        booted(backed=False), VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 256, None, True),))
    )
    host = host_after(HostObserved(budget=4096))
    assert room_of(host, 1024, [backed]) == (4096, 0, 3072)
    assert room_of(host, 1024, [backed, half]) == (None, None, 3072)
    assert room_of(host, 0, []) == (None, None, 4096)
    assert room_of(host, None, [backed]) == (4096, 0, None)
    assert room_of(host_after(HostObserved(reserve=96)), 1024, [backed]) == (None, 96, None)
    with_balloon = vm_after(booted(backed=True, balloon=700))
    assert room_of(host, 700, [with_balloon]) == (4096, 0, 3396), "a balloon backs nothing"
    assert room_of(host_after(HostObserved(total=8192, budget=4096)), 1024, [backed]) == (8192, None, 3072)


def test_who_knows_better_what_a_vm_holds_says_it() -> None:
    host = host_after(HostObserved(total=4096, reserve=96))
    account = account_of(host, [vm_after(VmObserved(power=Power.RUNNING, assigned=1024))], lambda vm: 512)
    assert (account.book, account.free) == ({"web01": 512}, 3488)
