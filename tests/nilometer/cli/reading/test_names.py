"""VMs and hosts are named as people name them, and shown so."""

from __future__ import annotations

import json
import re

import pytest

from tests.nilometer.cli.calling import Desk

WEB, OLD, NEW = (f"{digit * 8}-0000-4000-8000-000000000001" for digit in "abc")


@pytest.fixture
def fleet(desk: Desk) -> Desk:
    """A desk with three observed VMs whose ids are GUIDs; two of them have one name, on two hosts."""
    vms = [
        {"Id": id, "VMName": name, "ComputerName": host, "State": "Running", "MemoryAssigned": 4 << 30, "Generation": 2,
         "MemoryStartup": 4 << 30, "DynamicMemoryEnabled": False}
        for id, name, host in ((WEB, "Web01", "HV07"), (OLD, "db", "HV07"), (NEW, "DB", "HV08"))
    ]  # fmt: skip
    file = desk.write("vms.json", json.dumps(vms))
    assert desk.call("import-hyperv", file, "--at", "2026-11-23T09:00:00Z").code == 0
    return desk


@pytest.mark.parametrize("word", ["Web01", "WEB01", WEB, WEB.upper()])
def test_a_vm_is_found_by_name_or_id_in_any_case(fleet: Desk, word: str) -> None:
    for command in (["view", word], ["view", "--vm", word]):
        assert [vm["vm"] for vm in fleet.call(*command, "--format", "json").json["vms"]] == [WEB]
    for command in (["log", word], ["log", "--vm", word]):
        assert {event["subject"] for event in fleet.call(*command, "--format", "json").lines} == {f"vm/{WEB}"}
    assert "VM Web01 was measured" in fleet.call("show", word).out


def test_a_host_is_found_in_any_case(fleet: Desk) -> None:
    for word in ("hv07", "HV07"):
        assert [vm["vm"] for vm in fleet.call("view", word, "--format", "json").json["vms"]] == [WEB, OLD]
        assert fleet.call("log", word).out == fleet.call("log", "--host", word).out != ""


def test_a_name_that_two_vms_have_lists_both(fleet: Desk) -> None:
    for word in ("db", "Db"):
        result = fleet.call("view", word)
        assert (result.code, result.err) == (
            2,
            f"error: 2 VMs have the name '{word}'\nhint: give an id: {OLD}, {NEW}\n",
        )


def test_a_word_that_names_a_vm_and_a_host_asks_which(desk: Desk) -> None:
    desk.with_history()
    desk.call("do", "register-host", "web01", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB")
    for command in ("view", "log"):
        result = desk.call(command, "web01")
        assert result.err == "error: 'web01' is a VM and a host\nhint: say which: --vm web01 or --host web01\n"


@pytest.mark.parametrize("command", [["view"], ["log"], ["log", "--asked"], ["diff", "0", "4"], ["show", "web01"]])
@pytest.mark.parametrize("form", ["human", "plain"])
def test_names_stand_where_guids_would_and_ids_on_demand(fleet: Desk, command: list[str], form: str) -> None:
    fleet.call("record", "web01", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")
    shown = fleet.call(*command, "--format", form).out
    assert not re.search("[0-9a-f]{8}-", shown)
    assert "Web01" in shown
    assert WEB[:8] in fleet.call(*command, "--format", form, "--ids").out


def test_two_vms_of_one_name_are_told_apart(fleet: Desk) -> None:
    shown = fleet.call("view").out
    assert f"VM db ({OLD[:8]}) on hv07" in shown
    assert f"VM DB ({NEW[:8]}) on hv08" in shown


def test_so_much_of_an_id_is_shown_as_tells_vms_of_one_name_apart(desk: Desk) -> None:
    ids = [f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in (1, 2)]
    vms = [
        {"Id": id, "VMName": "db", "ComputerName": "HV07", "State": "Running", "MemoryAssigned": 4 << 30} for id in ids
    ]
    file = desk.write("vms.json", json.dumps(vms))
    desk.call("import-hyperv", file, "--at", "2026-11-23T09:00:00Z")
    assert all(f"VM db ({id}) on hv07" in desk.call("view").out for id in ids)
    desk.call("import-hyperv", file, "--at", "2026-11-23T09:00:00Z", "--as", "lab")
    shown = desk.call("view").out
    assert all(f"VM db ({id}) on " in shown for id in [*ids, *(f"lab.{id}" for id in ids)]), shown


def test_a_correlation_is_found_as_it_is_shown(fleet: Desk) -> None:
    fleet.call("record", "web01", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")
    shown = fleet.call("show", "web01").out
    assert shown.endswith("Correlation Web01/1\n")
    assert fleet.call("show", "Web01/1").out == shown


@pytest.mark.parametrize("columns", [80, 60])
def test_at_80_columns_a_vm_is_one_line_and_no_figure_is_cut_short(fleet: Desk, columns: int) -> None:
    fleet.call(
        "record", "a-very-long-name-of-a-vm", "--new", "--asked", "8GiB", "--before", "123456MiB", "--after", "8GiB"
    )
    lines = fleet.call("view", "--format", "human", env={"COLUMNS": str(columns)}).out.splitlines()
    (line,) = [line for line in lines if line.startswith("a-very")]
    assert line.split()[1:] == ["unknown", "8192", "unknown", "123456", "unknown", line.split()[-1]]
    assert [line for line in lines if len(line) > 80] == []
    assert line.split()[0].endswith("…")


def test_a_user_is_found_in_any_case(desk: Desk) -> None:
    desk.with_history()
    found = desk.call("log", "--actor", "CONTOSO\\ops", "--format", "json").out
    assert found
    assert desk.call("log", "--actor", "contoso\\OPS", "--format", "json").out == found
    desk.call("do", "stop", "web01", "--actor", "Contoso\\Ops")
    assert desk.call("log", "--actor", "CONTOSO\\ops", "--format", "json").out == found
    result = desk.call("log", "--actor", "contoso\\ops")
    assert (result.code, result.err.splitlines()[1]) == (2, "hint: give one: CONTOSO\\ops, Contoso\\Ops")


def test_an_audit_of_a_ledger_names_the_vms(fleet: Desk) -> None:
    fleet.call("record", "web01", "--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")
    shown = fleet.call("audit", "--all").out
    assert "vm/Web01" in shown
    assert WEB not in shown
    assert f"vm/{WEB}" in fleet.call("audit", "--all", "--ids").out
    assert f"vm/{WEB}" in {finding["subject"] for finding in fleet.call("audit", "--format", "json").json["findings"]}
