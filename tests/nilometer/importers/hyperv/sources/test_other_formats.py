"""Formats that people have beside those of Get-VM and Get-Counter: Clixml, scrapes, WMI, SCVMM and Winlogbeat.

The texts are synthetic, of the shape that the tools write.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.quantities import GiB, MiB
from domain.state import Power
from nilometer.importers.hyperv.sources.counters import metrics_text, prometheus, wmi
from nilometer.importers.hyperv.sources.event_logs import event_log, winlogbeat
from nilometer.importers.hyperv.sources.get_vm import converted_json, exported_clixml, scvmm
from nilometer.importers.hyperv.sources.source import FileContext
from tests.nilometer.importers.hyperv.sources.files import AT, WEB, Parser, hosts, powers, read, read_on, vms

HERE = FileContext(at=AT, host="HV07")

CLIXML = f"""<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">
  <Obj RefId="0">
    <TN RefId="0"><T>Microsoft.HyperV.PowerShell.VirtualMachine</T><T>System.Object</T></TN>
    <ToString>VirtualMachine (Name = 'web01')</ToString>
    <Props>
      <S N="Name">web_x0031_</S>
      <G N="VMId">{WEB}</G>
      <Obj N="State" RefId="1"><TN RefId="1"><T>Microsoft.HyperV.PowerShell.VMState</T></TN>
        <ToString>Running</ToString><I32>2</I32></Obj>
      <TS N="Uptime">P1DT2H3M4.5S</TS>
      <I64 N="MemoryAssigned">4294967296</I64>
      <I64 N="MemoryStartup">2147483648</I64>
      <I64 N="MemoryMinimum">536870912</I64>
      <I64 N="MemoryMaximum">8589934592</I64>
      <B N="DynamicMemoryEnabled">true</B>
      <S N="Version">10.0</S>
      <I32 N="Generation">2</I32>
      <Nil N="ParentSnapshotId" />
      <Obj N="HardDrives" RefId="2"><LST><Obj RefId="3"><Props><I64 N="MemoryAssigned">1</I64></Props></Obj></LST></Obj>
    </Props>
    <MS><S N="PSComputerName">HV07</S></MS>
  </Obj>
</Objs>
"""
SAME: dict[str, Any] = {
    "Name": "web1", "VMId": WEB, "State": 2, "Uptime": {"Ticks": 937840000000}, "MemoryAssigned": 4 * GiB,
    "MemoryStartup": 2 * GiB, "MemoryMinimum": 512 * MiB, "MemoryMaximum": 8 * GiB, "DynamicMemoryEnabled": True,
    "Version": "10.0", "Generation": 2, "PSComputerName": "HV07",
}  # fmt: skip
METRICS = """# HELP windows_hyperv_dynamic_memory_vm_physical_bytes The memory in the VM.
# TYPE windows_hyperv_dynamic_memory_vm_physical_bytes gauge
windows_hyperv_dynamic_memory_vm_physical_bytes{vm="web \\"01\\""} 4.294967296e+09
windows_hyperv_dynamic_memory_vm_guest_visible_physical_memory_bytes{vm="web \\"01\\""} 4.294967296e+09
windows_hyperv_dynamic_memory_balancer_available_memory_bytes{balancer="System"} 1.073741824e+10 # {trace="1"} 2
go_goroutines 12
"""
WMI: dict[str, Any] = {
    "utc": "2026-11-23T09:00:00.0000000Z",
    "computerName": "HV07",
    "vms": [
        {
            "Name": "web01",
            "PhysicalMemory": 4096,
            "GuestVisiblePhysicalMemory": 4096,
            "AddedMemory": 8,
            "Caption": None,
        },
        {"Name": "_Total", "PhysicalMemory": 4096, "GuestVisiblePhysicalMemory": 4096},
    ],
    "balancer": [{"Name": "System Balancer", "AvailableMemory": 10240, "AveragePressure": 80}],
}
SCVMM: list[dict[str, Any]] = [
    {"Name": "web01", "ID": "9" * 8 + WEB[8:], "VMId": WEB, "ComputerName": "web01.corp.example",
     "HostName": "HV07.corp.example",
     "VirtualMachineState": "Running", "Memory": 2048, "MemoryAssignedMB": 3072, "DynamicMemoryEnabled": True,
     "DynamicMemoryMinimumMB": 512, "DynamicMemoryMaximumMB": 8192, "DynamicMemoryBufferPercentage": 20,
     "Generation": 2},
]  # fmt: skip
BEAT: dict[str, Any] = {
    "@timestamp": "2026-11-23T09:00:00.027Z",
    "event": {"code": "18500", "provider": "Microsoft-Windows-Hyper-V-Worker"},
    "winlog": {
        "channel": "Microsoft-Windows-Hyper-V-Worker-Admin", "event_id": "18500", "record_id": 7,
        "provider_guid": "{51ddfa29-d5c8-4803-be4b-2ecb715570fe}", "computer_name": "HV07.corp.example",
        "user_data": {"VmId": WEB.upper(), "VmName": "web01"},
    },
}  # fmt: skip
XML = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
    '<Provider Name="Microsoft-Windows-Hyper-V-Worker" Guid="{51ddfa29-d5c8-4803-be4b-2ecb715570fe}"/>'
    "<EventID>18500</EventID>"
    '<TimeCreated SystemTime="2026-11-23T09:00:00.0270000Z"/><EventRecordID>7</EventRecordID>'
    "<Channel>Microsoft-Windows-Hyper-V-Worker-Admin</Channel><Computer>HV07.corp.example</Computer></System>"
    f"<UserData><VmlEventLog><VmName>web01</VmName><VmId>{WEB}</VmId></VmlEventLog></UserData></Event>"
)


def test_clixml_is_read_as_the_same_object_in_json() -> None:
    assert exported_clixml.recognises(CLIXML.encode())
    (found,), (same,) = read(exported_clixml, CLIXML), read(converted_json, json.dumps(SAME))
    assert repr(found).replace("file: object 1", "PLACE") == repr(same).replace("file:1", "PLACE")


def test_clixml_with_selected_properties_is_read() -> None:
    selected = CLIXML.replace("<Props>", "<MS>", 1).replace("</Props>\n    <MS>", "", 1)
    assert vms(read(exported_clixml, selected))[0].listing == vms(read(exported_clixml, CLIXML))[0].listing


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (CLIXML[:-200], "file: object 1 is not XML: "),
        (CLIXML.replace("<Objs", "<!DOCTYPE x [<!ENTITY a 'b'>]><Objs", 1), "file: has a document type definition"),
        (
            CLIXML.replace("4294967296</I64>", "4096</I64>", 1),
            "file: object 1: MemoryAssigned 4096 is not a size in bytes",
        ),
    ],
)
def test_clixml_that_cannot_be_read_is_told(text: str, error: str) -> None:
    _, [message] = read_on(exported_clixml, text)
    assert message.startswith(error)


def test_a_scrape_is_read_as_prometheus_answers_it() -> None:
    assert metrics_text.recognises(METRICS.encode())
    readings = read(metrics_text, METRICS, HERE)
    [vm], [host] = vms(readings), hosts(readings)
    assert (vm.at, vm.listing.host, vm.listing.name) == (AT, "hv07", 'web "01"')
    assert (vm.listing.assigned, vm.listing.visible) == (4 * GiB, 4 * GiB)
    assert (host.host, host.available) == ("hv07", 10 * GiB)


def test_a_time_in_a_scrape_counts_before_that_of_the_file() -> None:
    line = 'windows_hyperv_vm_memory_physical{vm="web01"} 1024 1790000000000\n'
    [vm] = vms(read(metrics_text, line, FileContext(host="hv07")))
    assert (vm.at, vm.listing.assigned) == ("2026-09-21T14:13:20.000000Z", GiB)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# TYPE up gauge\nup 1\n", "file:1: no series is a metric of Dynamic Memory"),
        ('windows_hyperv_vm_memory_physical{vm="a"} x\n', "file:1: 'x' is not a number"),
        ("# TYPE a gauge\n? 1\n", "file:2: is not a sample: '? 1'"),
    ],
)
def test_a_scrape_that_cannot_be_read_is_told(text: str, error: str) -> None:
    assert any(message.startswith(error) for message in read_on(metrics_text, text, HERE)[1])


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (metrics_text, METRICS),
        (scvmm, json.dumps(SCVMM)),
        (wmi, json.dumps(WMI["vms"])),
        (exported_clixml, CLIXML),
    ],
)
def test_what_does_not_say_its_time_needs_one(parser: Parser, text: str) -> None:
    readings, errors = read_on(parser, text, FileContext(host="hv07"))
    assert readings == []
    assert errors != []


@pytest.mark.parametrize("document", [WMI, [*WMI["vms"], *WMI["balancer"]], [WMI]])
def test_counters_over_wmi_are_read(document: Any) -> None:
    text = json.dumps(document)
    if isinstance(document, list) and document == [WMI]:
        assert read_on(wmi, text, HERE) == ([], ["file:1: no object has counters of Dynamic Memory"])
        return
    assert wmi.recognises(text.encode())
    readings = read(wmi, text, HERE)
    [vm], [host] = vms(readings), hosts(readings)
    assert (vm.at, vm.listing.host, vm.listing.name, vm.listing.assigned) == (AT, "hv07", "web01", 4 * GiB)
    assert (vm.listing.visible, vm.added, host.available) == (4 * GiB, 8 * MiB, 10 * GiB)


def test_one_object_over_wmi_names_its_own_computer() -> None:
    one = {**WMI["vms"][0], "PSComputerName": "HV08"}
    assert vms(read(wmi, json.dumps(one), HERE))[0].listing.host == "hv08"


def test_vms_of_system_center_are_read_with_their_host_and_not_the_guests_name() -> None:
    text = json.dumps(SCVMM)
    assert scvmm.recognises(text.encode())
    [vm] = vms(read(scvmm, text))
    assert (vm.listing.host, vm.listing.vm_id, vm.listing.name, vm.listing.power) == (
        "hv07.corp.example",
        WEB,
        "web01",
        Power.RUNNING,
    )
    assert (vm.listing.startup, vm.listing.assigned) == (2 * GiB, 3 * GiB)
    assert (vm.listing.minimum, vm.listing.maximum, vm.listing.buffer) == (512 * MiB, 8 * GiB, 20)


@pytest.mark.parametrize(
    ("state", "power"), [("PowerOff", Power.OFF), ("Saved", Power.SAVED), (1, None), ("Migrating", None)]
)
def test_a_state_of_system_center_is_read_by_its_name_alone(state: object, power: Power | None) -> None:
    [vm] = vms(read(scvmm, json.dumps([SCVMM[0] | {"VirtualMachineState": state}])))
    assert vm.listing.power == power


@pytest.mark.parametrize("form", ["fields", "dotted", "original", "elasticsearch"])
def test_events_of_winlogbeat_are_read_as_the_event_log(form: str) -> None:
    document = {
        "fields": BEAT,
        "dotted": {
            "@timestamp": BEAT["@timestamp"],
            **{f"winlog.{key}": value for key, value in BEAT["winlog"].items()},
        },
        "original": BEAT | {"event": {"original": XML}, "winlog": {"event_id": "1"}},
        "elasticsearch": {"_index": "i", "_source": BEAT},
    }[form]
    text = json.dumps(document)
    assert winlogbeat.recognises(text.encode())
    [found], [same] = powers(read(winlogbeat, text)), powers(read(event_log, XML))
    assert found == same


def test_events_of_winlogbeat_are_put_in_the_order_of_their_log() -> None:
    off = BEAT | {
        "@timestamp": "2026-11-23T08:00:00Z",
        "winlog": BEAT["winlog"] | {"event_id": "18502", "record_id": 8},
    }
    readings = powers(read(winlogbeat, "\n".join(map(json.dumps, (off, BEAT)))))
    assert [reading.power for reading in readings] == [Power.RUNNING, Power.OFF]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"winlog": {"event_id": "x"}}, "file:1: EventID 'x' is not a number"),
        ({"@timestamp": "noon"}, "file:1: TimeCreated: 'noon' is not a time"),
        ({"winlog": BEAT["winlog"] | {"user_data": {"VmId": "7"}}}, "file:1: VmId '7' is not a GUID"),
        ({"event": {"original": "<Event"}}, "file:1: event.original is not XML"),
        ({"event": {"original": "<Event><!DOCTYPE"}}, "file:1: event.original has a document type definition"),
    ],
)
def test_an_event_of_winlogbeat_that_cannot_be_read_is_told(change: dict[str, object], error: str) -> None:
    _, [message] = read_on(winlogbeat, json.dumps({**BEAT, **change}))
    assert message.startswith(error)


def test_no_format_takes_what_is_another_s() -> None:
    texts = {
        exported_clixml: CLIXML, metrics_text: METRICS, wmi: json.dumps(WMI), scvmm: json.dumps(SCVMM),
        winlogbeat: json.dumps(BEAT), event_log: XML, converted_json: json.dumps(SAME),
    }  # fmt: skip
    for parser, text in texts.items():
        assert [other for other in (*texts, prometheus) if other.recognises(text.encode())] == [parser]
