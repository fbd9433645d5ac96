"""Cases from the field: what an import says of each (``cases/README.md``)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.quantities import GiB
from nilometer.importers.hyperv.importer import HypervFile, HypervImporter
from nilometer.importers.run import SkippedRecords
from nilometer.times import parse_time
from rules.judging.findings import Verdict
from tests.nilometer.importers.hyperv.synthetic import Store

CASES = Path(__file__).parent / "cases"
AT = "2026-11-23T08:59:00Z"


def take(
    *names: str, at: str = AT, host: str | None = None, zone: str | None = None, store: Store | None = None
) -> tuple[Store, list[HypervFile]]:
    """Imports files of cases together, and for good."""
    store, files = Store() if store is None else store, list[HypervFile]()
    for name in names:
        stream = io.BytesIO((CASES / name).read_bytes())
        file = HypervFile(name, stream, skipped=SkippedRecords(), at=parse_time(at), host=host, zone=zone)
        file.open()
        files.append(file)
    HypervImporter(None, store, store.known, store.record).run(files, final=True)
    return store, files


def vms(store: Store) -> dict[str, tuple[str | None, int | None]]:
    """Each VM with its host and what it is assigned in GiB."""
    ids = sorted({each.stream[3:] for each in store.stored if each.stream.startswith("vm/")})
    found = [store.vm(id) for id in ids]
    return {vm.id: (vm.host, None if vm.assigned is None else vm.assigned // GiB) for vm in found}


@pytest.mark.parametrize("name", ["typeperf-stdout.csv", "typeperf-stdout-utf16.csv"])
def test_what_typeperf_says_at_its_end_is_no_damage(name: str) -> None:
    store, (file,) = take(f"02-counters-typeperf-stdout/{name}", zone="UTC")
    assert (file.counts.records, file.skipped.errors, len(file.counts.notes)) == (3, [], 1)
    assert "'Exiting, please wait...' is no row" in file.counts.notes[0]
    assert store.vm("app02").assigned == 1920 * 2**20


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vms.json", "object 1: MemoryAssigned 2048 is no size in bytes of a VM: was it divided by 1MB?"),
        ("before.json", "MemoryAssigned 2048 is no size in bytes of a VM: was it divided by 1MB?"),
        ("after.json", "MemoryAssigned 4096 is no size in bytes of a VM: was it divided by 1MB?"),
        ("gb-floats.json", "MemoryAssigned 8.5 is no size in bytes of a VM: was it divided by 1GB?"),
        ("suffix.json", "MemoryAssigned '2048 MB' is a text with a unit, not a size in bytes"),
    ],
)
def test_a_size_in_another_unit_than_bytes_is_refused_and_nothing_is_recorded(name: str, says: str) -> None:
    store = Store()
    with pytest.raises(InputError) as refused:
        take(f"03-getvm-units-mb/{name}", host="hv41", store=store)
    assert refused.value.message.endswith(says)
    assert store.stored == []


def test_counters_of_two_vms_of_one_name_are_left_out_and_counted() -> None:
    store, (_, counters) = take("11-same-name-counters/get-vm.json", "11-same-name-counters/counters.csv")
    first, second = (f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in (1, 2))
    assert vms(store) == {first: ("hv21", 4), second: ("hv21", 2)}
    assert counters.counts.not_needed == {"VM of a name that several have": 8}
    store, (file,) = take("11-same-name-counters/get-counter.json")
    assert (vms(store), file.counts.not_needed) == ({}, {"VM of a name that several have": 2})


def test_objects_that_came_from_other_hosts_are_on_the_hosts_that_they_name() -> None:
    store, _ = take("12-remoting-pscomputername/vms.json", host="jump01")
    assert vms(store) == {"app01": ("hv71", 4), "app01@hv72": ("hv72", 8), "db01": ("hv72", 16)}
    store, _ = take("12-remoting-pscomputername/vms-unique.json", host="jump01")
    assert vms(store) == {"app01": ("hv72", 8), "db01": ("hv72", 16)}


@pytest.mark.parametrize("path", sorted((CASES / "19-counters-with-a-gap").iterdir()), ids=lambda path: path.stem)
def test_a_pause_is_a_pause(path: Path) -> None:
    _, (file,) = take(f"19-counters-with-a-gap/{path.name}")
    assert (file.counts.records, file.skipped.errors) == (10, [])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_more_than_the_maximum_is_found_whatever_the_order_of_the_files(order: tuple[int, int]) -> None:
    names = ("get-vmmemory.json", "above-maximum.json")
    store, _ = take(*(f"04-getvm-dynamic-setting-lost/{names[number]}" for number in order))
    violated = [finding.rule for finding in store.findings() if finding.verdict is Verdict.VIOLATED]
    assert violated == ["within_bounds"]
