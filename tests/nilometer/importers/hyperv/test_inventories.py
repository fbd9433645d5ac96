"""What polls of the collector list, and what guests and hosts report of themselves."""

from __future__ import annotations

import pytest

from domain.guests import Guest
from domain.observed.events import (
    HostInventoried,
    VmChangeRequested,
    VmNotListed,
    VmObserved,
)
from domain.observed.words import UNKNOWN_ACTOR
from domain.quantities import GiB, MiB
from nilometer.times import parse_time
from tests.nilometer.importers.hyperv.recorded import (
    ModuleSpool,
    figures,
)
from tests.nilometer.importers.hyperv.synthetic import WEB, Json, Store, dynamic, imported, job, moment, vm
from tests.nilometer.importers.hyperv.test_recorded_changes import CHANGE, SEEN, quiet, remarks, who

# Polls


def test_a_list_is_complete_by_its_own_part() -> None:
    for broken, is_told in (("vms", False), (None, True), ("figures", True), ("jobs", True)):
        spool = quiet(3)
        other = vm(id="0b5c1c2e-0000-4000-8000-000000000009", name="other")
        for minute in range(3, 6):
            spool.poll2(minute, other, broken=broken)
        assert bool(imported(spool).events(VmNotListed)) is is_told, broken


def test_both_schemas_may_stand_in_one_file() -> None:
    spool = ModuleSpool()
    spool.poll(0, vm()).poll(1, vm()).change(1.2, 1.3, 4096, 6144, 6144)
    spool.poll2(2, vm(6144, 6144)).poll2(3, vm(8192, 8192)).pair(3.01, CHANGE, before=figures(6144, 6144))
    store = imported(quiet(6, 4, spool, 8192))
    assert [each.target for each in store.events(VmChangeRequested)] == [6144 * MiB, 8 * GiB]
    assert who(store) == [("CONTOSO\\anna", "powershell"), ("CONTOSO\\anna", SEEN)]


def test_jobs_that_are_about_something_else_are_no_remark_and_name_nobody() -> None:
    jobs = [job(2.5, "CONTOSO\\backup", 70), job(2.6, "CONTOSO\\cluster$", 301)]
    spool = quiet(3).poll2(3, vm(8192, 8192), jobs=jobs)
    spool.add({"schema": 2, "kind": "inventory", "time": moment(3), "host": "HV01"})
    spool.add({"schema": 2, "kind": "note", "time": moment(3), "host": "HV01", "note": "polls go on"})
    assert remarks(spool) == []
    assert who(imported(quiet(6, 4, spool, 8192))) == [(UNKNOWN_ACTOR, "hyper-v")]


def test_a_job_whose_vm_was_not_listed_is_that_vms() -> None:
    element = job(2.5, "CONTOSO\\ben", vm=None, element="0B5C1C2E-0000-4000-8000-000000000009")
    spool = quiet(3).poll2(3, vm(8192, 8192), jobs=[element])
    assert who(imported(quiet(6, 4, spool, 8192))) == [(UNKNOWN_ACTOR, "hyper-v")]
    mine = job(2.5, "CONTOSO\\ben", vm=None, element=WEB.upper())
    spool = quiet(3).poll2(3, vm(8192, 8192), jobs=[mine])
    assert [actor for actor, _ in who(imported(quiet(6, 4, spool, 8192)))] == ["CONTOSO\\ben"]


# What guests report of themselves


def inventory(minute: float, system: str | None, *, nested: bool | None = False) -> Json:
    """A line of an inventory, with one guest."""
    guest = {"vm": WEB, "os": system, "platform": "2", "nested": nested}
    return {"schema": 2, "kind": "inventory", "time": moment(minute), "host": "HV01", "guests": [guest]}


@pytest.mark.parametrize(
    ("system", "nested", "guest"),
    [
        ("Windows Server 2022 Datacenter", False, Guest.WINDOWS),
        ("Windows Server 2012 R2 Standard", False, Guest.WINDOWS_LEGACY),
        ("Windows 11 Pro", False, Guest.WINDOWS),
        ("Windows 8.1 Pro", False, Guest.WINDOWS_LEGACY),
        ("Windows Server 2022 Datacenter", True, Guest.UNENLIGHTENED),
        ("Ubuntu", False, None),
        (None, None, None),
    ],
)
def test_a_guest_is_known_by_its_system(system: str | None, nested: bool | None, guest: Guest | None) -> None:
    spool = ModuleSpool().poll2(0, vm())
    for minute in (0.1, 0.2):
        spool.add(inventory(minute, system, nested=nested))
    store = imported(quiet(3, 1, spool))
    assert (store.vm(WEB).guest, store.vm(WEB).kernel) == (guest, system)
    assert len([each for each in store.events(VmObserved) if each.kernel]) == (1 if system else 0)


def test_a_guest_under_dynamic_memory_is_not_said_to_lose_memory_in_one_way() -> None:
    spool = ModuleSpool().poll2(0, dynamic(2048, id=WEB)).add(inventory(0.1, "Windows Server 2022 Datacenter"))
    assert imported(spool).vm(WEB).guest is None


# What a host reports of itself


def host_inventory(minute: float, boot: float | None, cluster: str | None = None) -> Json:
    """A line of an inventory of a host that booted at a minute."""
    booted = None if boot is None else moment(boot)
    return {
        "schema": 2,
        "kind": "inventory",
        "time": moment(minute),
        "host": "HV01",
        "boot": booted,
        "cluster": cluster,
    }


def test_when_a_host_booted_and_its_cluster_are_recorded_once_and_when_they_are_others() -> None:
    spool = ModuleSpool().poll2(0, vm()).add(host_inventory(0.1, -600)).add(host_inventory(60, -600.5, "clu1"))
    spool.add(host_inventory(120, -600, "clu1")).add(host_inventory(180, 150, "clu1")).add(host_inventory(240, None))
    store = imported(spool)
    found = [(each.booted, each.cluster) for each in store.events(HostInventoried, stream="host/hv01")]
    first, second = (parse_time(moment(minute)) for minute in (-600, 150))
    assert found == [(first, None), (None, "clu1"), (second, None)]
    assert (store.host("hv01").booted, store.host("hv01").cluster) == (second, "clu1")


def test_numa_is_recorded_where_no_vm_may_span_the_nodes() -> None:
    spool = ModuleSpool().poll2(0, vm())
    for minute, spanning, sizes in (
        (1, True, (32768, 32768)), (61, False, (32768, 32768)), (121, False, (32768, 32768)), (181, False, (32768,)),
        (241, False, (32768, None)), (301, None, ()), (361, True, ()),
    ):  # fmt: skip
        nodes = [{"id": id, "total_mb": size, "available_mb": 100 + minute} for id, size in enumerate(sizes)]
        spool.add(host_inventory(minute, -600) | {"numa_spanning": spanning, "numa": nodes})
    store = imported(spool)
    found = [(each.numa_spanning, each.numa_nodes) for each in store.events(HostInventoried, stream="host/hv01")]
    half = 32768 * MiB
    assert found == [(True, ()), (False, (half, half)), (None, (half,)), (True, ())]
    assert (store.host("hv01").numa_spanning, store.host("hv01").numa_nodes) == (True, (half,))


def test_an_inventory_of_a_host_that_was_not_polled_names_the_host() -> None:
    store = imported(ModuleSpool().add(host_inventory(0, -600, "clu1")))
    assert (store.host("hv01").name, store.host("hv01").cluster) == ("HV01", "clu1")


def test_an_inventory_that_is_recorded_is_not_recorded_again() -> None:
    store, spool = Store(), ModuleSpool().poll2(0, vm()).add(host_inventory(0.1, -600, "clu1"))
    for _ in range(2):
        store.take(spool, final=True)
        spool = ModuleSpool(lines=list(spool.lines)).poll2(1, vm()).add(host_inventory(1.1, -600, "clu1"))
    assert len(store.events(HostInventoried, stream="host/hv01")) == 1
