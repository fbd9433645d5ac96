"""``Get-VM``, ``Get-VMMemory``, ``Get-VMHost`` as JSON.

The samples are real or other projects' fixtures. The rest is synthetic: objects as the documented types say
(``samples/powershell_types_memory.json``), in the shapes of both PowerShells.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from domain.errors import InputError
from domain.quantities import GiB, MiB
from domain.state import Power
from nilometer.importers.hyperv.readings import HostReading, VmListing, VmReading
from nilometer.importers.hyperv.sources.get_vm import converted_json
from nilometer.importers.hyperv.sources.source import FileContext
from tests.nilometer.importers.hyperv.sources.files import AT, DB, WEB, hosts, read, read_on, sample, vms

Object = dict[str, Any]
SYNTHETIC_VM: Object = {
    "VMId": WEB.upper(), "Id": WEB, "Name": "web01", "ComputerName": "HV01", "State": 2, "Status": "正常運作",
    "Generation": 2, "Version": "9.0", "DynamicMemoryEnabled": True, "MemoryAssigned": 5757 * MiB,
    "MemoryDemand": 4893 * MiB, "MemoryStatus": "OK", "MemoryStartup": 4 * GiB, "MemoryMinimum": GiB,
    "MemoryMaximum": 16 * GiB, "Uptime": {"Ticks": 37_236_5000000, "Days": 0, "TotalSeconds": 37_236.5},
    "CreationTime": "/Date(1700000000000)/", "ParentSnapshotId": None,
}  # fmt: skip
SYNTHETIC_MEMORY: Object = {
    "Startup": 4 * GiB, "Minimum": GiB, "Maximum": 16 * GiB, "MaximumPerNumaNode": 65_000, "Buffer": 20,
    "Priority": 50, "DynamicMemoryEnabled": True, "VMId": WEB, "VMName": "web01", "ComputerName": "HV01",
    "VMSnapshotId": "00000000-0000-0000-0000-000000000000", "Id": "Microsoft:11111111\\4764334d", "Name": "Memory",
}  # fmt: skip
SYNTHETIC_HOST: Object = {
    "MemoryCapacity": 64 * GiB,
    "Name": "HV01",
    "ComputerName": "HV01",
    "NumaSpanningEnabled": True,
}


def vm(**changes: object) -> str:
    return json.dumps(SYNTHETIC_VM | changes)


def only(text: str) -> VmReading:
    (reading,) = vms(read(converted_json, text))
    return reading


WHOLE = VmReading(
    at=AT,
    record="file:1",
    uptime=37_236,
    listing=VmListing(
        host="hv01",
        vm_id=WEB,
        name="web01",
        power=Power.RUNNING,
        generation=2,
        config_version="9.0",
        dynamic=True,
        startup=4 * GiB,
        minimum=GiB,
        maximum=16 * GiB,
        assigned=5757 * MiB,
    ),
)


def test_windows_powershell_writes_enums_as_numbers_and_time_spans_as_objects() -> None:
    assert only(vm()) == WHOLE


def test_powershell_7_may_write_enums_and_time_spans_as_texts_which_comes_to_the_same() -> None:
    told = vm(State="Running", Uptime="10:20:36.5000000", CreationTime="2023-11-14T22:13:20.0000000+00:00")
    assert only(told) == WHOLE


def test_numbers_as_texts_and_nulls_are_read() -> None:
    told = vm(MemoryAssigned=str(5757 * MiB), Generation="2", State="2", DynamicMemoryEnabled="True", MemoryDemand=None)
    assert only(told) == WHOLE
    assert only(vm(MemoryStartup=None, Uptime=None)).listing.startup is None


def test_blanks_around_texts_are_no_matter_and_zeros_are_figures() -> None:
    told = vm(MemoryAssigned=f" {5757 * MiB} ", State=" Running ", Name=" web01 ", DynamicMemoryEnabled=" TRUE ")
    assert only(told) == WHOLE
    assert only(vm(State=" 2 ")) == WHOLE
    assert only(vm(DynamicMemoryEnabled="False")).listing.dynamic is False
    assert only(vm(Uptime={"Ticks": 0})).uptime == 0
    assert only(json.dumps(SYNTHETIC_MEMORY | {"Priority": 0, "Buffer": "5"})).listing.weight == 0


def test_one_object_an_array_and_an_array_with_its_count_are_read_alike() -> None:
    other = json.dumps(SYNTHETIC_VM | {"VMId": DB, "Id": DB, "Name": "db01"})
    wrapped = f'{{"value": [{vm()}, {other}], "Count": 2}}'
    assert [each.listing.name for each in vms(read(converted_json, f"[{vm()}, {other}]"))] == ["web01", "db01"]
    assert [each.listing.name for each in vms(read(converted_json, wrapped))] == ["web01", "db01"]
    assert read(converted_json, "[]") == []


def test_the_sample_of_another_project_is_read() -> None:
    web, db = vms(read(converted_json, sample("get-vm_json_small.json")))
    assert (web.listing.vm_id, web.listing.power, web.listing.assigned, web.uptime) == (
        WEB,
        Power.RUNNING,
        2 * GiB,
        93_784,
    )
    assert (db.listing.vm_id, db.listing.power, db.listing.assigned, db.uptime) == (DB, Power.OFF, 0, None)


def test_a_file_without_a_time_of_collection_is_refused_with_what_to_type() -> None:
    with pytest.raises(InputError, match="do not say when they ran") as caught:
        read(converted_json, vm(), FileContext())
    assert "--at" in caught.value.hint


@pytest.mark.parametrize(
    ("state", "power"),
    [
        (2, Power.RUNNING), (3, Power.OFF), (6, Power.SAVED), (9, Power.PAUSED), ("Paused", Power.PAUSED),
        (1, None), (4, None), (10, None), ("Starting", None), (32773, None), (32779, None), (None, None),
    ],
)  # fmt: skip
def test_only_lasting_states_are_power_states(state: object, power: Power | None) -> None:
    assert only(vm(State=state)).listing.power is power


@pytest.mark.parametrize("state", [*range(32781, 32798), "32785", "RunningCritical"])
def test_a_number_that_windows_versions_read_differently_is_not_guessed_at(state: object) -> None:
    assert only(vm(State=state)).listing.power is None


def test_running_with_nothing_assigned_is_not_reported_yet() -> None:
    assert only(vm(MemoryAssigned=0, Uptime="00:00:00")).listing.assigned is None
    assert only(vm(MemoryAssigned=0, State=10)).listing.assigned is None
    assert only(vm(MemoryAssigned=0, State=3)).listing.assigned == 0
    assert only(vm(MemoryAssigned=0, State="Saved")).listing.assigned == 0


@pytest.mark.parametrize("dynamic", [False, None])
def test_a_static_vms_minimum_and_maximum_mean_nothing(dynamic: bool | None) -> None:
    told = only(vm(DynamicMemoryEnabled=dynamic, MemoryMinimum=512 * MiB, MemoryMaximum=1024 * GiB))
    assert (told.listing.dynamic, told.listing.startup, told.listing.minimum, told.listing.maximum) == (
        dynamic,
        4 * GiB,
        None,
        None,
    )


def test_localized_texts_are_never_looked_at() -> None:
    for status in ("Operating normally", "正常運作", "Wird normal ausgeführt", None):
        assert only(vm(Status=status, MemoryStatus=status)) == WHOLE


def test_get_vmmemory_tells_the_setting_and_get_vmhost_the_hosts_memory() -> None:
    told = read(converted_json, f"{json.dumps(SYNTHETIC_HOST)}\n[{json.dumps(SYNTHETIC_MEMORY)}]\n{vm()}")
    assert hosts(told) == [HostReading(at=AT, host="hv01", record="file:1", total=64 * GiB)]
    assert vms(told)[0] == VmReading(
        at=AT,
        record="file:2",
        listing=VmListing(
            host="hv01",
            vm_id=WEB,
            name="web01",
            dynamic=True,
            startup=4 * GiB,
            minimum=GiB,
            maximum=16 * GiB,
            buffer=20,
            weight=50,
        ),
    )
    assert vms(told)[1].record == "file:3"


def test_of_a_static_vm_get_vmmemory_tells_its_size_alone() -> None:
    told = only(json.dumps(SYNTHETIC_MEMORY | {"DynamicMemoryEnabled": False}))
    assert (
        told.listing.startup,
        told.listing.minimum,
        told.listing.maximum,
        told.listing.buffer,
        told.listing.weight,
    ) == (4 * GiB, None, None, None, None)


def test_the_memory_of_a_checkpoint_is_not_the_vms() -> None:
    assert read(converted_json, json.dumps(SYNTHETIC_MEMORY | {"VMSnapshotId": DB})) == []
    _, errors = read_on(converted_json, json.dumps({"SnapshotType": 3, "Id": DB, "State": 3, "MemoryStartup": GiB}))
    assert errors == ["file:1: is a checkpoint, not a VM"]


def test_the_host_is_the_one_that_is_told_or_the_one_that_is_assumed() -> None:
    without = {key: value for key, value in SYNTHETIC_VM.items() if key != "ComputerName"}
    (told,) = vms(read(converted_json, json.dumps(without), FileContext(host="HV02", at=AT)))
    assert told.listing.host == "hv02"
    (told,) = vms(read(converted_json, vm(), FileContext(host="hv02", at=AT)))
    assert told.listing.host == "hv01"


def test_a_guid_is_read_with_braces_and_in_any_case_and_a_guid_of_zeros_is_none() -> None:
    assert (
        only(vm(VMId="{D9E0EB0A-5B37-508E-9173-67E9ADE83ACF}")).listing.vm_id == "d9e0eb0a-5b37-508e-9173-67e9ade83acf"
    )
    assert only(vm(VMId="00000000-0000-0000-0000-000000000000", Id=DB)).listing.vm_id == DB


def test_two_collections_in_one_file_cannot_both_be_of_its_one_time() -> None:
    readings, errors = read_on(converted_json, f"{vm()}\n{vm(MemoryAssigned=GiB)}")
    assert vms(readings) == [WHOLE]
    assert errors == [f"file:2: Get-VM of {WEB} on hv01 is in the file twice"]


def test_a_host_that_names_itself_by_name_alone_is_known_by_it() -> None:
    told = read(converted_json, '{"MemoryCapacity": 1073741824, "Name": "HV07"}', FileContext(at=AT))
    assert [each.host for each in hosts(told)] == ["hv07"]


def test_a_vm_may_be_on_two_hosts_while_it_migrates() -> None:
    told = vms(read(converted_json, f"[{vm()}, {vm(ComputerName='HV02', State=10, MemoryAssigned=0)}]"))
    assert [(each.listing.host, each.listing.assigned) for each in told] == [("hv01", 5757 * MiB), ("hv02", None)]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("MemoryAssigned", 2**60, f"MemoryAssigned {2**60} is not a size in bytes, 0 to 4 PiB"),
        ("MemoryAssigned", "4 GB", "MemoryAssigned '4 GB' is a text with a unit, not a size in bytes"),
        ("MemoryStartup", True, "MemoryStartup is not a whole number"),
        ("MemoryStartup", 1.5, "MemoryStartup 1.5 is not a size in bytes of a VM: was it divided by 1GB?"),
        ("MemoryStartup", {"Bytes": 1}, "MemoryStartup is not a whole number"),
        ("State", [2], "State is not a whole number"),
        ("Uptime", "yesterday", "Uptime 'yesterday' is not a time span such as 1.02:03:04"),
        ("Uptime", {"Days": 1}, "Uptime is not a time span: it has no Ticks"),
        ("Version", "new", "Version 'new' is not a version such as 9.0"),
        ("VMId", "web01", "VMId 'web01' is not a GUID"),
        ("Name", 7, "Name is not a text"),
        ("Generation", 10**9, f"Generation {10**9} is out of range"),
        ("DynamicMemoryEnabled", "oui", "DynamicMemoryEnabled is neither true nor false"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_place_and_the_next_vm_is_read(
    key: str, value: object, says: str
) -> None:
    other = SYNTHETIC_VM | {"VMId": DB, "Id": DB, "Name": "db01"}
    readings, errors = read_on(converted_json, json.dumps([SYNTHETIC_VM | {key: value}, other]))
    assert errors == [f"file:1: object 1: {says}"]
    assert [each.listing.name for each in vms(readings)] == ["db01"]
    with pytest.raises(InputError, match="object 1"):
        read(converted_json, json.dumps([SYNTHETIC_VM | {key: value}, other]))


@pytest.mark.parametrize("name", ["cluster_inventory_dynamic_memory_vm.json", "zbx-hyperv_full.json"])
def test_other_tools_inventories_are_refused_with_what_was_expected(name: str) -> None:
    readings, errors = read_on(converted_json, sample(name))
    assert (readings, errors) == ([], ["file:1: is not an object of Get-VM, Get-VMMemory or Get-VMHost"])


def test_files_of_another_kind_are_refused() -> None:
    assert read_on(converted_json, sample("get-vm_default_table.txt"))[1][0].startswith("file:1: is not JSON")
    assert read_on(converted_json, "[1]")[1] == ["file:1: is not an object of Get-VM, Get-VMMemory or Get-VMHost"]
    for half in ('{"Startup": 1, "VMName": "x"}', '{"DynamicMemoryEnabled": true, "VMName": "x"}'):
        assert read_on(converted_json, half)[1] == ["file:1: is not an object of Get-VM, Get-VMMemory or Get-VMHost"]
    nobody = json.dumps({"MemoryAssigned": GiB, "State": 2})
    assert read_on(converted_json, nobody)[1] == ["file:1: gives neither the VM's id nor its name"]
    assert read_on(converted_json, '{"MemoryCapacity": 1}')[1] == ["file:1: Get-VMHost does not give the host's name"]


def test_utf_16_with_a_mark_and_gzip_are_read_as_powershell_and_people_write_them() -> None:
    assert vms(read(converted_json, vm().encode("utf-16"))) == [WHOLE]
    assert vms(read(converted_json, gzip.compress(b"\xef\xbb\xbf" + vm().encode()))) == [WHOLE]


def test_a_collection_that_was_killed_in_mid_write_does_not_hide_the_others() -> None:
    readings, errors = read_on(converted_json, f"{json.dumps(SYNTHETIC_HOST)}\n{vm()}\n{vm()[:200]}")
    assert len(readings) == 2
    assert errors == ["file:3: the document that begins here is cut off"]


def test_the_kind_of_file_is_told_from_its_beginning() -> None:
    for text in (vm(), json.dumps([SYNTHETIC_MEMORY]), json.dumps(SYNTHETIC_HOST, indent=2)):
        assert converted_json.recognises(text.encode())
    assert converted_json.recognises(b'[\r\n    {\r\n        "SmartPagingFileInUse":  false,')
    for text in ("", "Name,State", '{"specversion": "1.0"}', "<Event>", '"MemoryAssigned"'):
        assert not converted_json.recognises(text.encode())


@pytest.mark.parametrize("state", ["Saved", "Off", "Running"])
def test_an_object_with_state_and_startup_is_a_vm_also_where_its_assigned_memory_was_left_out(state: str) -> None:
    told = {"Name": "dc01", "VMId": WEB, "State": state, "MemoryStartup": 4 * GiB, "DynamicMemoryEnabled": False}
    listing = only(json.dumps(told)).listing
    assert (listing.power, listing.startup, listing.assigned) == (Power[state.upper()], 4 * GiB, None)
