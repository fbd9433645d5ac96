"""Cases from the field: what an import says of each (``cases/README.md``)."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.observed.events import VmObserved
from domain.observed.settings import NOT_RECORDED, known_parts
from domain.observed.vm import ObservedVm
from domain.quantities import GiB
from domain.settings import MemorySetting, Mode
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.importer import HypervImporter
from nilometer.importers.hyperv.news import compare
from nilometer.importers.hyperv.readings import VmListing, VmReading
from nilometer.importers.run import DigestedStream, SkippedRecords
from nilometer.times import parse_time
from tests.nilometer.importers.hyperv.synthetic import Store

CASES = Path(__file__).parent / "cases"
AT = "2026-11-23T08:59:00Z"


def take(
    *names: str, at: str = AT, host: str | None = None, zone: str | None = None, store: Store | None = None
) -> tuple[Store, list[HypervFile]]:
    """Imports files of cases together, and for good."""
    store, files = Store() if store is None else store, list[HypervFile]()
    for name in names:
        stream = DigestedStream(io.BytesIO((CASES / name).read_bytes()))
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
    assert "'Exiting, please wait...' is not a row" in file.counts.notes[0]
    assert store.vm("app02").assigned == 1920 * 2**20


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vms.json", "object 1: MemoryAssigned 2048 is not a size in bytes of a VM: was it divided by 1MB?"),
        ("before.json", "MemoryAssigned 2048 is not a size in bytes of a VM: was it divided by 1MB?"),
        ("after.json", "MemoryAssigned 4096 is not a size in bytes of a VM: was it divided by 1MB?"),
        ("gb-floats.json", "MemoryAssigned 8.5 is not a size in bytes of a VM: was it divided by 1GB?"),
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
    violated = [finding.rule for finding in store.violations()]
    assert violated == ["within_bounds"]
    actors = {envelope.metadata.actor for envelope in store.stored if envelope.stream.startswith("vm/")}
    assert actors == {"importer"}, "it is found running, and nobody is known to have started it then"


def test_a_setting_that_is_told_in_part_is_recorded_in_part() -> None:
    store, _ = take("04-getvm-dynamic-setting-lost/day1.json")
    sql = "6f1d3a2e-8b4c-4d5e-9f00-112233445566"
    part = MemorySetting(Mode.DYNAMIC, 16 * GiB, 8 * GiB, 32 * GiB, NOT_RECORDED, NOT_RECORDED)
    assert store.vm(sql).memory == part
    take("04-getvm-dynamic-setting-lost/day2-maximum-raised.json", at="2026-11-24T08:59:00Z", store=store)
    assert store.vm(sql).memory == replace(part, maximum=64 * GiB)
    raised = [event.memory.maximum for event in store.events(VmObserved, sql) if event.memory is not None]
    assert raised == [32 * GiB, 64 * GiB]
    assert store.vm(sql).session == 1
    take("04-getvm-dynamic-setting-lost/get-vmmemory.json", at="2026-11-25T08:59:00Z", store=store)
    assert store.vm(sql).memory == replace(part, buffer=20, weight=50)


def test_more_than_the_maximum_of_a_setting_in_part_is_found() -> None:
    store, _ = take("04-getvm-dynamic-setting-lost/above-maximum.json")
    violated = store.violations()
    assert [(finding.rule, finding.expected["maximum"]) for finding in violated] == [("within_bounds", 32 * GiB)]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "startup": st.sampled_from([16 * GiB, 17 * GiB]), "minimum": st.sampled_from([8 * GiB, 9 * GiB]),
                "maximum": st.sampled_from([32 * GiB, 64 * GiB]), "buffer": st.integers(5, 9),
                "weight": st.integers(0, 9),
            },
        ),
        min_size=1,
        max_size=5,
    )
)  # fmt: skip
def test_any_part_of_a_setting_is_as_it_was_last_told(tellings: list[dict[str, int]]) -> None:
    known, state = dict[str, int](), ObservedVm.begin("web01")
    for telling in tellings:
        known |= telling
        listing = VmListing(
            name="web01",
            dynamic=True,
            startup=telling.get("startup"),
            minimum=telling.get("minimum"),
            maximum=telling.get("maximum"),
            buffer=telling.get("buffer"),
            weight=telling.get("weight"),
        )
        reading = VmReading(at=UtcTime(AT), record="file:1", listing=listing)
        state.memory = compare(state, reading, None, uptime=None, setting_is_new=False).memory
        assert state.memory is not None
        assert known_parts(state.memory) == known | {"mode": Mode.DYNAMIC}
