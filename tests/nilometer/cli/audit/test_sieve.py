"""``nilo audit --sieve``: what the audit comes to, with less for the judge to do."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from detection.corruptions import with_leaf
from nilometer.audit.partitioning import parallel
from tests.nilometer.audit.mixed import Line
from tests.nilometer.audit.sieve.exporting import export_of, parsed
from tests.nilometer.cli.calling import CallResult, Desk
from tests.nilometer.cli.policies.test_adopt import QUARTER

HOSTS = 3


def script() -> str:
    """Some simple commands on a VM of each of some hosts."""
    lines = list[object]()
    for host in range(HOSTS):
        vm = {"vm": f"web{host}"}
        lines += [
            {"command": "register-host", "host": f"hv{host}", "version": "2022", "total": "64GiB", "reserve": "2GiB"},
            {
                "command": "define-vm",
                **vm,
                "host": f"hv{host}",
                "generation": 2,
                "guest": "windows",
                "config_version": "10.0",
                "memory": {"static": {"size": "4GiB"}},
            },
            {"command": "start", **vm, "reason": 'a "quoted" reason, with Ünïcode'},
            {"command": "report-in-use", **vm, "in_use": "1GiB"},
            {"command": "add-memory", **vm, "amount": "2GiB"},
            {"command": "add-memory", **vm, "amount": "100GiB"},
            {"command": "set-memory", **vm, "size": "8GiB"},
            {"command": "remove-memory", **vm, "amount": "1MiB"},
            {"command": "stop", **vm},
        ]
    return "".join(f"{json.dumps(line)}\n" for line in lines)


@pytest.fixture
def lines(desk: Desk) -> list[Line]:
    desk.call("run", desk.write("script.jsonl", script()))
    return parsed(desk.call("export").out.encode())


def audits(desk: Desk, export: Path, *args: str) -> tuple[CallResult, CallResult]:
    """The audit with the sieve, and without."""
    found = [desk.call("audit", str(export), "--format", "json", *args, *option) for option in (("--sieve",), ())]
    return found[0], found[1]


def assert_alike(one: CallResult, other: CallResult) -> None:
    """Both say the same, but for when they were made and what they were made of."""
    assert one.code == other.code
    documents = one.json, other.json
    for document in documents:
        for name in ("begun", "ended", "files"):
            del document["about"][name]
    assert documents[0] == documents[1]


def test_a_clean_history_is_cleared(desk: Desk, lines: list[Line]) -> None:
    sieved, whole = audits(desk, export_of(lines, desk.folder))
    assert_alike(sieved, whole)
    assert sieved.code == 0
    events = len(lines)
    assert sieved.err == f"note: the sieve cleared all {events} events, of 3 groups of hosts and VMs\n"


def test_a_group_with_a_fault_is_judged(desk: Desk, lines: list[Line]) -> None:
    index = next(number for number, line in enumerate(lines) if line["id"] == "vm/web1/5")
    faulty = with_leaf(lines, index, ["data", "granted"], 2**30)
    sieved, whole = audits(desk, export_of(faulty, desk.folder))
    assert_alike(sieved, whole)
    assert sieved.code == 1
    assert "2 of 3 groups" in sieved.err


def with_faults(lines: list[Line], *vms: str) -> list[Line]:
    """The lines with a wrong grant of each of these VMs."""
    for vm in vms:
        index = next(number for number, line in enumerate(lines) if line["id"] == f"vm/{vm}/5")
        lines = with_leaf(lines, index, ["data", "granted"], 2**30)
    return lines


@pytest.mark.parametrize("vms", [(), ("web0", "web2"), ("web0", "web1", "web2")], ids=len)
def test_several_processes_judge_what_is_left(
    desk: Desk, lines: list[Line], vms: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "FEWEST_EVENTS", 1)
    export = export_of(with_faults(lines, *vms), desk.folder)
    _, whole = audits(desk, export)
    for cores in ("1", "2", "3"):
        sieved = desk.call("audit", str(export), "--sieve", "--cores", cores, "--format", "json")
        assert (
            f"all {len(lines)} events, of 3 groups" if not vms else f"{HOSTS - len(vms)} of {HOSTS} groups"
        ) in sieved.err
        assert "one process" not in sieved.err
        assert_alike(sieved, whole)


def test_what_is_left_in_one_group_is_judged_by_one_process(
    desk: Desk, lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "FEWEST_EVENTS", 1)
    export = export_of(with_faults(lines, "web1"), desk.folder)
    sieved = desk.call("audit", str(export), "--sieve", "--cores", "2", "--format", "json")
    assert "note: one process judges what is left: " in sieved.err
    assert_alike(sieved, audits(desk, export)[1])


def test_files_that_were_changed_are_refused(desk: Desk, lines: list[Line]) -> None:
    export = export_of(lines, desk.folder)
    others = export_of([{**line, "actor": "somebody"} for line in lines], desk.folder / "others")
    for file in others.rglob("*.parquet"):
        shutil.copy(file, export / file.relative_to(others))
    sieved, whole = audits(desk, export)
    assert (sieved.code, whole.err in sieved.err) == (2, True)


def test_what_has_a_gap_is_judged_in_one_piece(desk: Desk, lines: list[Line]) -> None:
    sieved, whole = audits(desk, export_of([*lines[:5], *lines[6:]], desk.folder))
    assert_alike(sieved, whole)
    assert "the sieve clears nothing, and all is judged in one piece: the events from #1 on are not there" in sieved.err


def test_what_is_under_a_policy_is_judged_in_one_piece(desk: Desk, lines: list[Line]) -> None:
    assert desk.call("policy", "adopt", desk.write("policies.py", QUARTER)).code == 0
    sieved, whole = audits(desk, export_of(parsed(desk.call("export").out.encode()), desk.folder))
    assert_alike(sieved, whole)
    assert "adopts a policy or retires one" in sieved.err


def test_anything_but_a_folder_of_an_export_is_refused(desk: Desk, lines: list[Line]) -> None:
    file = desk.write("history.jsonl", "{}")
    for named in ([file], [], [file, file], [str(desk.folder)]):
        result = desk.call("audit", "--sieve", *named)
        assert result.code == 2
        assert "nilo export --as parquet -o DIR writes one; nilo audit --sieve DIR" in result.err


def test_of_a_folder_without_its_list_it_says_what_an_audit_says(desk: Desk, lines: list[Line]) -> None:
    export = export_of(lines, desk.folder)
    (export / "_nilometer.jsonl").unlink()
    sieved, whole = audits(desk, export)
    assert (sieved.code, sieved.err) == (2, whole.err)
    assert "_nilometer.jsonl is missing" in sieved.err


@pytest.mark.parametrize("option", [("--vm", "web0"), ("--policies", "p.py"), ("--keep-going",), ("--share", "1/2")])
def test_it_goes_with_no_other_choice(desk: Desk, option: tuple[str, ...]) -> None:
    result = desk.call("audit", "--sieve", "parquet", *option)
    assert result.code == 2
    assert "do not go together" in result.err


@pytest.mark.parametrize("module", ["numpy", "pyarrow.parquet"])
def test_without_the_extra_it_says_what_to_install(
    desk: Desk, lines: list[Line], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = export_of(lines, desk.folder)
    monkeypatch.setitem(sys.modules, module, None)
    result = desk.call("audit", "--sieve", str(export))
    assert result.code == 2
    assert "hint: pip install 'nilometer[sieve]'" in result.err
