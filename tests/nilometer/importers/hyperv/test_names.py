"""Counters and Prometheus know VMs by name: whose history theirs is. All files here are synthetic."""

from __future__ import annotations

import json

import pytest

from domain.observed.events import VmMemoryMoved, VmObserved
from domain.quantities import MiB
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, Store, dynamic, moment, off, vm

TWIN = "11111111-0000-4000-8000-000000000001"
"""Another VM that is called web01."""


def counters(*rows: tuple[int, int], host: str = "HV01", name: str = "web01") -> bytes:
    """Physical Memory of a VM as Export-Counter writes it: minute and MB."""
    head = rf'"(PDH-CSV 4.0) (UTC)(0)","\\{host}\Hyper-V Dynamic Memory VM({name})\Physical Memory"'
    return "".join([f"{head}\n", *(f'"11/23/2026 09:{minute:02}:00.000","{size}"\n' for minute, size in rows)]).encode()


def prometheus(*rows: tuple[int, int], host: str = "hv01") -> bytes:
    """The same as windows_exporter and Prometheus tell it."""
    labels = {"__name__": "windows_hyperv_dynamic_memory_vm_physical_bytes", "instance": f"{host}:9182", "vm": "web01"}
    values = [[1795424400 + minute * 60, str(size * MiB)] for minute, size in rows]
    result = {"resultType": "matrix", "result": [{"metric": labels, "values": values}]}
    return json.dumps({"status": "success", "data": result}).encode()


def get_vm(*names: str, ids: tuple[str, ...] = (WEB,), host: str = "HV01") -> bytes:
    """``Get-VM | ConvertTo-Json`` of static VMs with 4096 MiB."""
    told = {"State": 2, "MemoryAssigned": 4096 * MiB, "DynamicMemoryEnabled": False, "MemoryStartup": 4096 * MiB}
    vms = [{"VMId": id, "VMName": name, "ComputerName": host} | told for name, id in zip(names, ids, strict=True)]
    return json.dumps(vms).encode()


def streams(store: Store) -> set[str]:
    """The VMs that there are."""
    return {each.stream[3:] for each in store.stored if each.stream.startswith("vm/")}


@pytest.mark.parametrize("later", [counters((2, 4096), (3, 2048)), prometheus((2, 4096), (3, 2048))])
def test_a_name_is_the_vm_that_is_known_under_it(later: bytes) -> None:
    store = Store()
    store.take(Spool().poll(0, vm()).poll(1, vm()))
    store.take(later)
    assert streams(store) == {WEB}
    (moved,) = store.events(VmMemoryMoved)
    assert (moved.size_from, moved.size_to) == (4096 * MiB, 2048 * MiB)


def test_get_vm_as_json_tells_the_ids_for_counters_that_come_after() -> None:
    store = Store()
    store.take(get_vm("web01"), at=moment(0))
    store.take(counters((1, 4096), (2, 2048)))
    assert (streams(store), store.vm(WEB).assigned) == ({WEB}, 2048 * MiB)


@pytest.mark.parametrize("number", [0, 1])
def test_of_files_that_are_given_together_each_knows_the_names_that_the_others_begin_with(number: int) -> None:
    store = Store()
    files = [counters((1, 4096), (2, 2048), (3, 3072)), get_vm("erp01", "web01", ids=(ERP, WEB))]
    store.take(*files[number:], *files[:number], at=moment(50))
    assert streams(store) == {WEB, ERP}
    (moved,) = store.events(VmMemoryMoved)
    assert (moved.size_from, moved.least, moved.size_to) == (4096 * MiB, 2048 * MiB, 3072 * MiB)
    assert store.vm(WEB).assigned == 4096 * MiB


def test_a_vm_that_is_known_by_its_name_alone_has_that_for_an_id() -> None:
    store = Store()
    store.take(counters((1, 4096)), prefix="lab")
    assert streams(store) == {"lab.web01"}


def test_what_was_told_under_a_name_stays_there_when_the_id_becomes_known() -> None:
    store = Store()
    store.take(counters((1, 4096)))
    store.take(Spool().poll(2, vm()))
    store.take(counters((1, 4096), (3, 2048)))
    assert streams(store) == {"web01", WEB}
    assert (store.vm("web01").assigned, store.vm(WEB).assigned) == (4096 * MiB, 2048 * MiB)


@pytest.mark.parametrize("name", ["sql [prod]_1", "SQL [PROD]_1"])
def test_a_name_is_known_as_counters_write_it(name: str) -> None:
    store = Store()
    store.take(Spool().poll(0, vm(name="SQL (prod)/1")))
    store.take(counters((1, 2048), name=name))
    assert (streams(store), store.vm(WEB).assigned) == ({WEB}, 2048 * MiB)


def test_of_two_vms_of_one_name_the_host_tells_which_is_meant() -> None:
    store = Store()
    store.take(Spool("HV01").poll(0, vm()), Spool("HV02").poll(0, vm(id=TWIN)))
    store.take(counters((1, 3072)), counters((1, 2048), host="hv02.contoso.com"))
    assert streams(store) == {WEB, TWIN}
    assert (store.vm(WEB).assigned, store.vm(TWIN).assigned) == (3072 * MiB, 2048 * MiB)


def test_the_host_tells_them_apart_also_when_their_ids_come_with_the_counters() -> None:
    store = Store()
    twins = get_vm("web01", host="HV01"), get_vm("web01", ids=(TWIN,), host="HV02")
    store.take(counters((1, 3072)), counters((1, 2048), host="HV02"), *twins, at=moment(50))
    assert streams(store) == {WEB, TWIN}
    sizes = [[each.assigned for each in store.events(VmObserved, id)][1] for id in (WEB, TWIN)]
    assert sizes == [3072 * MiB, 2048 * MiB]


def test_where_the_host_does_not_tell_which_of_two_is_meant_neither_is() -> None:
    store = Store()
    store.take(Spool().poll(0, vm(), vm(id=TWIN)))
    here, elsewhere = store.take(counters((1, 3072)), counters((1, 2048), host="HV09"))
    assert here.counts.not_needed == elsewhere.counts.not_needed == {"VM of a name that several have": 1}
    assert streams(store) == {WEB, TWIN}


def test_a_vm_that_was_renamed_is_not_found_under_its_old_name() -> None:
    one, other = Spool().poll(0, vm()), Spool().poll(1, vm(name="old"), vm(id=TWIN))
    for calls in ([one], [other]), ([one, other],):
        store = Store()
        for spools in calls[:-1]:
            store.take(*spools)
        store.take(*calls[-1], counters((2, 2048)), counters((2, 3072), name="old"))
        assert (store.vm(WEB).assigned, store.vm(TWIN).assigned) == (3072 * MiB, 2048 * MiB)


def test_a_vm_that_moved_is_found_by_the_host_that_it_is_on() -> None:
    store = Store()
    one, other = Spool("HV01").poll(0, vm()), Spool("HV02").poll(0, vm(id=TWIN))
    for minute in (2, 3):
        other.poll(minute, vm(), vm(id=TWIN, name="x"))
    store.take(one, other)
    store.take(counters((4, 2048), host="HV02"))
    assert (store.vm(WEB).assigned, store.vm(TWIN).assigned) == (2048 * MiB, 4096 * MiB)


def test_vms_of_another_prefix_are_others() -> None:
    store = Store()
    store.take(Spool().poll(0, vm()), prefix="lab")
    store.take(counters((1, 2048)), prefix="hub")
    store.take(counters((1, 3072)))
    assert streams(store) == {f"lab.{WEB}", "hub.web01", "web01"}
    store.take(counters((1, 2048)), prefix="lab")
    assert store.vm(f"lab.{WEB}").assigned == 2048 * MiB


# Older than what is known


def test_what_is_older_than_what_is_known_of_a_vm_is_counted_and_not_told() -> None:
    store = Store()
    store.take(Spool().poll(10, vm()))
    before = list(store.stored)
    spool = Spool().poll(0, vm(2048, 2048)).change(1, 2, 2048, 4096, 4096).poll(9, vm())
    (old,) = store.take(spool, final=True)
    assert old.counts.not_needed == {"older than what is known": 5}
    (old,) = store.take(counters((2, 2048), (3, 8192)))
    assert old.counts.not_needed == {"older than what is known": 2}
    assert [each for each in store.stored[len(before) :] if each.stream[:3] != "imp"] == []


def test_a_file_that_begins_before_what_is_known_and_goes_on_after_it_tells_what_is_new() -> None:
    store = Store()
    store.take(Spool().poll(10, vm()))
    (file,) = store.take(counters((2, 2048), (9, 4096), (11, 4096), (12, 8192)))
    assert file.counts.not_needed == {"older than what is known": 2}
    assert [each.size_to for each in store.events(VmMemoryMoved)] == [8192 * MiB]


def test_a_file_that_goes_on_keeps_its_own_order_when_the_clock_is_set_back() -> None:
    spool = Spool().poll(10, vm()).poll(11, vm())
    store = Store()
    store.take(spool)
    (file,) = store.take(spool.poll(5, vm(4096, 6144)).poll(6, vm(6144, 6144)), final=True)
    assert file.counts.not_needed == {}
    assert store.vm(WEB).assigned == 6144 * MiB


def test_a_file_of_its_own_keeps_its_order_too_once_it_has_told_something_newer() -> None:
    store = Store()
    store.take(Spool().poll(10, vm()))
    store.take(Spool().poll(11, vm()).poll(5, off()), final=True)
    assert store.vm(WEB).held == 0


def test_what_is_older_of_a_vm_does_not_hide_another_that_is_new() -> None:
    store = Store()
    store.take(Spool().poll(10, vm()))
    store.take(Spool("HV02").poll(2, dynamic(2048)), final=True)
    assert (store.vm(ERP).assigned, store.host("hv02").free) == (2048 * MiB, 40000 * MiB)


def test_what_changed_between_two_collections_is_told_with_the_later_one() -> None:
    store = Store()
    for hour, size in ((0, 4096), (60, 6144), (120, 6144)):
        told = get_vm("web01").replace(str(4096 * MiB).encode(), str(size * MiB).encode())
        (file,) = store.take(told, at=moment(hour))
        assert "undecided" not in file.counts.not_needed
        assert store.vm(WEB).assigned == size * MiB
    (moved,) = store.events(VmMemoryMoved)
    assert (moved.size_from, moved.size_to) == (4096 * MiB, 6144 * MiB)
