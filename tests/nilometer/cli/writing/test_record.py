"""``nilo record``: new VMs, hosts, contradictions, reports from stdin, and what is retired."""

from __future__ import annotations

import json

import pytest

from tests.nilometer.cli.calling import Desk

CHANGE = ("--asked", "8GiB", "--before", "4GiB", "--after", "8GiB")


@pytest.fixture
def desk_with_vm(desk: Desk) -> Desk:
    """A desk with the observed VM web07 of 8 GiB, known since nine."""
    assert desk.call("record", "web07", "--new", *CHANGE, "--happened", "2026-11-23T09:00:00Z").code == 0
    return desk


def lines(*reports: dict[str, object]) -> str:
    return "".join(f"{json.dumps(report)}\n" for report in reports)


def report(vm: str = "web07", **more: object) -> dict[str, object]:
    return {"vm": vm, "asked": "9GiB", "before": "8GiB", "after": "9GiB", **more}


def test_a_vm_is_new_only_if_that_is_said(desk: Desk) -> None:
    for _ in ("no ledger", "a ledger"):
        result = desk.call("record", "wbe07", *CHANGE)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: there is no VM 'wbe07'\nhint: ")
        assert "--new" in result.err
        assert desk.call("record", "web07", "--new", *CHANGE, "--key", "once").code == 0
    assert "did you mean web07?" in desk.call("record", "wbe07", *CHANGE).err
    assert desk.call("record", "web07", *CHANGE).code == 0


def test_no_ledger_is_made_for_a_vm_that_is_not_new(desk: Desk) -> None:
    assert desk.call("record", "web07", *CHANGE).code == 2
    assert not (desk.folder / "ledger.db").exists()


def test_the_host_is_recorded_and_a_move_is_noted(desk_with_vm: Desk) -> None:
    first = desk_with_vm.call(
        "record", "web07", "--asked", "9GiB", "--before", "8GiB", "--after", "9GiB", "--host", "HV01"
    )
    second = desk_with_vm.call(
        "record", "web07", "--asked", "8GiB", "--before", "9GiB", "--after", "8GiB", "--host", "hv02"
    )
    assert (first.err, second.err) == ("", "note: web07 was on host hv01 by what is known, and is now on hv02\n")
    (vm,) = desk_with_vm.call("view", "--format", "json").json["vms"]
    assert vm["host"] == "hv02"


def test_a_vm_cannot_be_observed_on_a_host_that_is_decided(desk: Desk) -> None:
    before = desk.with_history().events
    result = desk.call("record", "web07", "--new", *CHANGE, "--host", "HV01")
    assert (result.code, desk.events) == (2, before)
    assert result.err.startswith("error: the host 'hv01' is decided by this ledger: it cannot be observed\nhint: ")


def test_a_report_that_contradicts_what_is_known_is_recorded_and_noted(desk_with_vm: Desk) -> None:
    result = desk_with_vm.call("record", "web07", *CHANGE)
    assert result.code == 0
    assert result.err.startswith(
        "note: web07 had 8 GiB at 2026-11-23 09:00:00Z by what is known, and 4 GiB before this change by the report"
    )


def test_a_change_before_the_vm_was_known_is_refused(desk_with_vm: Desk) -> None:
    before = desk_with_vm.events
    result = desk_with_vm.call("record", "web07", *CHANGE, "--happened", "2026-11-23T08:59:59Z")
    assert (result.code, desk_with_vm.events) == (2, before)
    assert "was not known yet: it was first seen at 2026-11-23 09:00:00Z\nhint: " in result.err


def test_what_moved_beyond_the_target_is_said(desk_with_vm: Desk) -> None:
    result = desk_with_vm.call("record", "web07", "--asked", "2GiB", "--before", "8GiB", "--after", "1GiB")
    assert result.out.startswith("completed: record web07, 6 GiB, 1 GiB beyond the target\n")


def test_a_key_makes_a_report_be_recorded_once(desk_with_vm: Desk) -> None:
    first = desk_with_vm.call("record", "web07", *CHANGE, "--key", "k", "--format", "json")
    events = desk_with_vm.events
    again = desk_with_vm.call("record", "web07", *CHANGE, "--key", "k", "--format", "json")
    assert again.json == {**first.json, "repeated": True}
    other = desk_with_vm.call("record", "web08", "--new", *CHANGE, "--key", "k")
    assert (other.code, desk_with_vm.events) == (2, events)
    assert "was used before, for vm/web07" in other.err


# Reports from stdin


def test_reports_are_read_from_stdin_and_answered_line_by_line(desk_with_vm: Desk) -> None:
    reports = lines(
        report(actor="CONTOSO\\ann", reason="CHG-7"),
        report("web08", new=True, asked="4GiB", before="1GiB", after="2GiB", host="hv01"),
    )
    result = desk_with_vm.call("record", "-", "--actor", "ops", "--format", "json", stdin=f"\n{reports}")
    assert [(one["line"], one["target"], one["outcome"]) for one in result.lines] == [
        (2, "vm/web07", "completed"),
        (3, "vm/web08", "partially-completed"),
    ]
    assert result.code == 1
    asked = desk_with_vm.call("log", "--asked", "--format", "json").lines[1:]
    assert [(event["actor"], event.get("reason")) for event in asked] == [("CONTOSO\\ann", "CHG-7"), ("ops", None)]


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("[1]", "stdin:2: is not a JSON object", 'write one JSON object a line, such as {"vm": "web07"'),
        ("{", "stdin:2: is not JSON", ""),
        (report(vmm=1), "stdin:2: 'vmm' is not a key of a report", "did you mean vm?"),
        (report(after="9"), "stdin:2: after: '9' has no unit, and is 9 bytes", "write 9GiB or 9MiB"),
        (report(after=None), "stdin:2: after: ", ""),
        ({"vm": "web07"}, "stdin:2: a report lacks 'asked'", "add 'asked'"),
        (report(happened="yesterday"), "stdin:2: happened: 'yesterday' is not a time", "write it with its zone"),
        (report(actor=" "), "stdin:2: actor: is empty", "write something"),
        (report(error=""), "stdin:2: error: is empty", "give the message of the tool"),
        (report("web08"), "stdin:2: there is no VM 'web08'", "did you mean web07?"),
        (report(new="yes"), "stdin:2: new: ", ""),
    ],
)
def test_a_line_that_cannot_be_recorded_is_told_and_ends_it(
    desk_with_vm: Desk, line: str | dict[str, object], error: str, hint: str
) -> None:
    text = line if isinstance(line, str) else json.dumps(line)
    reports = lines(report()) + text + "\n" + lines(report(asked="8GiB", before="9GiB", after="8GiB"))
    before = len(desk_with_vm.events.splitlines())
    result = desk_with_vm.call("record", "-", stdin=reports)
    assert result.code == 2
    assert f"error: {error}" in result.err
    assert f"hint: {hint}" in result.err
    assert len(desk_with_vm.events.splitlines()) == before + 3
    assert desk_with_vm.call("record", "-", "--keep-going", stdin=reports.replace("9GiB", "8GiB")).code == 2
    assert len(desk_with_vm.events.splitlines()) > before + 6


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([], "a VM is missing"),
        (["web07"], "--asked is missing"),
        (["web07", "--asked", "8GiB", "--before", "4GiB"], "--after is missing"),
        (["-", "--asked", "8GiB"], "--asked does not go with reports from stdin"),
        (["-", "--happened", "now"], "--happened does not go with reports from stdin"),
        (["web07", "--retire", "web07"], "web07 does not go with --retire"),
        (["--retire", "web07", "--in-use", "1GiB"], "--in-use does not go with --retire"),
    ],
)
def test_what_does_not_go_together_is_told(desk_with_vm: Desk, args: list[str], error: str) -> None:
    result = desk_with_vm.call("record", *args, stdin="")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {error}\nhint: ")


# Retired


def test_what_is_retired_is_shown_no_more_and_its_history_stays(desk_with_vm: Desk) -> None:
    result = desk_with_vm.call("record", "--retire", "WEB07", "--reason", "CHG-9", "--format", "json")
    assert (result.code, result.json["command"], result.json["target"]) == (0, "retire", "vm/web07")
    assert desk_with_vm.call("view", "--format", "json").json["vms"] == []
    assert desk_with_vm.call("view", "--at", "2026-11-23T09:00:00Z", "--format", "json").json["vms"] != []
    (vm,) = desk_with_vm.call("view", "web07", "--format", "json").json["vms"]
    assert (vm["retired_since"] is not None, vm["held"]) == (True, 0)
    assert 'VM web07 was retired: it is gone for good, because "CHG-9"' in desk_with_vm.call("log", "web07").out
    assert desk_with_vm.call("replay").code == 0


def test_what_is_seen_again_is_not_retired_any_more(desk_with_vm: Desk) -> None:
    desk_with_vm.call("record", "--retire", "web07")
    desk_with_vm.call("record", "web07", *CHANGE)
    (vm,) = desk_with_vm.call("view", "--format", "json").json["vms"]
    assert (vm["retired_since"], vm["held"]) == (None, None)


@pytest.mark.parametrize(
    ("word", "error", "hint"),
    [
        ("web09", "there is no VM and no host 'web09'", "did you mean web01?"),
        ("web01", "the VM 'web01' is decided by this ledger: it cannot be observed", "nilo do remove-vm web01"),
        ("hv01", "the host 'hv01' is decided by this ledger: it cannot be observed", "nilo do remove-host hv01"),
    ],
)
def test_what_cannot_be_retired_is_told_and_nothing_recorded(desk: Desk, word: str, error: str, hint: str) -> None:
    before = desk.with_history().events
    result = desk.call("record", "--retire", word)
    assert (result.code, desk.events) == (2, before)
    assert result.err == f"error: {error}\nhint: {hint}\n"


def test_an_observed_host_is_retired(desk: Desk) -> None:
    host = {"Name": "HV07", "MemoryCapacity": 1 << 36}
    file = desk.write("host.json", json.dumps(host))
    assert desk.call("import-hyperv", file, "--at", "2026-11-23T09:00:00Z").code == 0
    assert desk.call("record", "--retire", "hv07").code == 0
    assert desk.call("view", "--format", "json").json["hosts"] == []
    assert desk.call("audit").code == 0


@pytest.mark.parametrize(
    ("asked", "before", "after", "said"),
    [
        ("4GiB", "4GiB", "6GiB", "completed: record web07, 0 MiB, 2 GiB above the target\n"),
        ("4GiB", "4GiB", "3GiB", "completed: record web07, 0 MiB, 1 GiB below the target\n"),
        ("4GiB", "4GiB", "4GiB", "completed: record web07, 0 MiB\n"),
        ("8GiB", "4GiB", "3GiB", "failed: record web07, 0 GiB of 4 GiB, 1 GiB less than before\n"),
        ("2GiB", "4GiB", "5GiB", "failed: record web07, 0 GiB of 2 GiB, 1 GiB more than before\n"),
    ],
)
def test_what_moved_where_nobody_wanted_it_is_said(
    desk_with_vm: Desk, asked: str, before: str, after: str, said: str
) -> None:
    result = desk_with_vm.call("record", "web07", "--asked", asked, "--before", before, "--after", after)
    assert result.out.startswith(said)
    assert ("No memory was moved for" in result.out) is False
