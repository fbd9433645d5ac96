"""``nilo plan`` and ``nilo apply``: what is planned is done, unless a figure that it rests on has moved."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nilometer.textio.digests import with_digest
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.planning.asking import fill
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import START, Spool, dynamic, vm

GOAL = "db02 >= 28GiB"
"""On the host hv01, which has 6 GiB left: db02 has 16 GiB."""


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk whose host hv01 has 6 GiB left; hv02 has 1 GiB."""
    return fill(desk, "3GiB", {"db02": 16, "web01": 12, "erp01": 28})


def plan_of(desk: Desk, *what: str) -> tuple[str, dict[str, Any]]:
    """A plan that was made, with its file."""
    file = str(desk.folder / "plan.json")
    assert desk.call("plan", *(what or (GOAL,)), "-o", file).code in (0, 1)
    return file, json.loads(Path(file).read_text(encoding="utf-8"))


def test_a_goal_is_planned_with_what_each_command_is_granted(full: Desk) -> None:
    before = full.events
    shown = full.call("plan", GOAL, "-o", str(full.folder / "plan.json"))
    assert (shown.code, full.events) == (0, before)
    assert shown.out.splitlines() == [
        "1. remove-memory erp01: completed, 6 GiB",
        "2. set-memory db02: completed, 12 GiB",
        f"Nothing was recorded; to do it: nilo apply {full.folder}/plan.json.",
    ]
    _, document = plan_of(full)
    assert problems("plan", document) == []
    assert document["commands"][0]["read"]["host/hv01"]["free"] == 6 * 2**30
    printed = full.call("plan", GOAL, "--format", "json").json
    assert printed["commands"] == document["commands"]


def test_a_line_of_a_script_that_cannot_be_decided_is_named_by_its_file_and_line(full: Desk) -> None:
    lines = ['{"command": "stop", "vm": "db02"}', "", '{"command": "stop", "vm": "db03"}']
    script = full.write("month-end.jsonl", "\n".join(lines))
    shown = full.call("plan", script)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(f"error: {script}:3: ")
    assert "db03" in shown.err


def test_a_plan_is_applied_and_recorded_once(full: Desk) -> None:
    file, document = plan_of(full)
    applied = full.call("apply", file)
    assert (applied.code, applied.err) == (0, "")
    assert applied.out.splitlines()[-1].startswith("2 commands: 2 completed; as planned.")
    log = full.call("log", "--asked", "-n", "2", "--format", "json").lines
    assert [line["reason"] for line in log] == ["plan: db02 >= 28GiB"] * 2
    assert {line["correlation"] for line in log} == {document["digest"][:23]}
    history = full.events
    again = full.call("apply", file, "--format", "json")
    assert (again.code, [line["repeated"] for line in again.lines]) == (0, [True, True])
    assert full.events == history


def test_what_was_interrupted_goes_on(full: Desk) -> None:
    file, document = plan_of(full)
    key = f"plan/{document['digest']}/1"
    assert full.call("do", "remove-memory", "erp01", "6GiB", "--key", key).code == 0
    applied = full.call("apply", file, "--format", "json")
    assert [line["repeated"] for line in applied.lines] == [True, False]
    assert applied.code == 0


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        ("set-reserve hv01 1GiB", "free of hv01 was 6 GiB, and is 7 GiB; reserve of hv01 was 2 GiB, and is 1 GiB"),
        ("stop web01", "free of hv01 was 6 GiB, and is 18 GiB"),
        ("report-in-use erp01 27GiB", "in_use of erp01 was 14 GiB, and is 27 GiB"),
        ("stop db02", "is 22 GiB; held of hv01 was 56 GiB, and is 40 GiB (command 1 reads that)"),
    ],
)
def test_a_plan_is_refused_when_a_figure_moved_which_is_named(full: Desk, meanwhile: str, why: str) -> None:
    file, _ = plan_of(full)
    assert full.call("do", *meanwhile.split()).code == 0
    before = full.events
    refused = full.call("apply", file)
    assert (refused.code, refused.out, full.events) == (1, "", before)
    assert refused.err.startswith("error: the plan does not hold any more, and nothing was done: ")
    assert why in refused.err


def test_what_a_plan_did_not_read_may_move(full: Desk) -> None:
    file, _ = plan_of(full)
    assert full.call("do", "report-in-use", "web01", "1GiB").code == 0
    assert full.call("do", "report-in-use", "web01", "90GiB").code == 1  # recorded, and changes nothing
    assert full.call("apply", file).code == 0


def test_a_file_that_was_changed_is_refused(full: Desk) -> None:
    file, document = plan_of(full)
    for edited in (
        document | {"goal": "db02 >= 29GiB"},
        {**document, "commands": document["commands"][:1]},
        {**document, "ledger": "another"},
    ):
        full.write("plan.json", json.dumps(edited))
        refused = full.call("apply", file)
        assert (refused.code, refused.out) == (2, "")
        assert "the plan was changed after it was made" in refused.err
    for text in ("", "[]", "{}", "\x00", '{"digest": "x"}', "{"):
        full.write("plan.json", text)
        assert full.call("apply", file).code == 2


EXPECTED: dict[str, str | None] = {"outcome": "done", "requested": None, "granted": None}


CHANGES: list[tuple[dict[str, Any], str]] = [
        ({"plan": 2}, "the plan is of version 2, and this program reads 1"),
        ({"kind": "sung"}, "'sung' is not a kind of plan"),
        ({"commands": 3}, "this is not a plan that nilo plan wrote"),
        ({"commands": [{}]}, "this is not a plan that nilo plan wrote"),
        ({"commands": [{"line": {"command": "sing"}, "read": {}, "expected": EXPECTED}]},
         "command: 'sing' is not a command"),
        ({"commands": [{"line": {"command": "stop", "vm": "db02"}, "read": [], "expected": {"outcome": "done"}}]},
         "this is not a plan that nilo plan wrote"),
        ({"commands": None}, "this is not a plan that nilo plan wrote"),
        ({"kind": "observed"}, "this is not a plan that nilo plan wrote"),
        ({"kind": "observed", "lines": [3], "read": {}}, "this is not a plan that nilo plan wrote"),
        ({"kind": "observed", "lines": [], "read": {}, "within": "x"}, "this is not a plan that nilo plan wrote"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_a_file_that_another_program_wrote_is_an_error_even_with_its_own_digest(
    full: Desk, change: dict[str, Any], why: str
) -> None:
    _, document = plan_of(full)
    before = full.events
    file = full.write("other.json", json.dumps(with_digest({**document, **change})))
    refused = full.call("apply", file)
    assert (refused.code, refused.out, full.events) == (2, "", before)
    assert refused.err.startswith(f"error: {file}: {why}")
    assert "\nhint: " in refused.err


def test_what_others_of_a_group_took_meanwhile_is_named_by_the_policy(full: Desk) -> None:
    policy = full.write("p.toml", """
[shop]
vms = ["db02", "web01"]
group = "shop"
says = "Never over 32 GiB together."
holds = "group.held <= 32 * GiB"
""")  # fmt: skip
    assert full.call("policy", "adopt", policy).code == 0
    for command in ("resize-host hv02 64GiB", "move-vm web01 hv02"):
        assert full.call("do", *command.split()).code == 0
    file, _ = plan_of(full, "db02 >= 20GiB")
    assert full.call("do", "add-memory", "web01", "1GiB").code == 0
    before = full.events
    refused = full.call("apply", file)
    assert (refused.code, refused.out, full.events) == (1, "", before)
    assert refused.err == (
        "error: the plan does not hold any more, and nothing was done: command 1 would be partially-completed now by "
        "the policy shop, and was completed in the plan\nhint: make the plan again: nilo plan --help\n"
    )


def test_a_folder_is_no_plan(full: Desk) -> None:
    refused = full.call("apply", str(full.folder))
    assert refused.code == 2
    assert "this is a folder, not a plan\nhint: name the file that nilo plan -o wrote" in refused.err


def test_a_plan_is_of_its_own_ledger(full: Desk) -> None:
    file, _ = plan_of(full)
    other = f"sqlite:///{full.folder}/other.db"
    assert full.call("run", str(full.folder / "fill.jsonl"), "--ledger", other).code == 0
    refused = full.call("apply", file, "--ledger", other)
    assert refused.code == 2
    assert "the plan is of ledger" in refused.err


def test_a_script_is_planned_with_what_it_is_not_granted(full: Desk) -> None:
    script = full.write("script.jsonl", '{"command": "add-memory", "vm": "db02", "amount": "8GiB", "actor": "ben"}\n'
                        '{"command": "start", "vm": "db02"}\n')  # fmt: skip
    shown = full.call("plan", script)
    assert shown.code == 1
    assert shown.out.splitlines()[:2] == [
        "1. add-memory db02: partially-completed, 6 GiB of 8 GiB",
        "2. start db02: rejected",
    ]
    file, _ = plan_of(full, script)
    applied = full.call("apply", file)
    assert applied.code == 1
    assert "as planned" in applied.out
    assert full.call("log", "--asked", "-n", "2", "--format", "json").lines[0]["actor"] == "ben"


@pytest.mark.parametrize(
    ("what", "code", "text"),
    [
        ("db02 >= 8GiB", 0, "There is nothing to do: db02 >= 8GiB holds already."),
        ("db02 >= 300GiB", 1, "No plan makes it possible"),
        ("db2 >= 8GiB", 2, "db02"),
        ("db02 >= 8XB", 2, "8XB"),
        ("no-such-file.jsonl", 2, "no-such-file.jsonl"),
    ],
)
def test_what_cannot_be_planned_is_said(full: Desk, what: str, code: int, text: str) -> None:
    result = full.call("plan", what, "-o", str(full.folder / "none.json"))
    assert result.code == code
    assert text in result.out + result.err
    assert not (full.folder / "none.json").exists()
    assert ("no plan was written to" in result.err) == (code == 0)


def test_another_option_is_taken_by_its_number(full: Desk) -> None:
    shown = full.call("plan", GOAL, "--option", "2", "--without", "stop")
    assert shown.out.splitlines()[0] == "1. remove-memory web01: completed, 6 GiB"
    wrong = full.call("plan", GOAL, "--option", "200")
    assert (wrong.code, wrong.out) == (2, "")
    assert "there is no option 200" in wrong.err


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["stop web01", "report-in-use erp01 3GiB", "set-reserve hv01 0", "start web01",
                                 "add-memory db02 2MiB", "report-in-use web01 1GiB"]), max_size=2))  # fmt: skip
def test_a_plan_is_applied_as_it_was_shown_or_not_at_all(full: Desk, meanwhile: list[str]) -> None:
    file, document = plan_of(full)
    url = f"sqlite:///{full.folder}/copy.db"
    for name in ("copy.db", "copy.db-wal", "copy.db-shm"):
        (full.folder / name).unlink(missing_ok=True)
    with sqlite3.connect(full.url.removeprefix("sqlite:///")) as source, sqlite3.connect(full.folder / "copy.db") as to:
        source.backup(to)
    for command in meanwhile:
        full.call("do", *command.split(), "--ledger", url)
    before = full.call("export", "--ledger", url).out
    applied = full.call("apply", file, "--ledger", url, "--format", "json")
    if applied.code:
        assert full.call("export", "--ledger", url).out == before
    else:
        granted = [line["granted"] for line in applied.lines]
        assert granted == [command["expected"]["granted"] for command in document["commands"]]


# Observed hosts


def observed(desk: Desk, *polls: Any, available: int = 16384) -> Desk:
    """A desk two minutes after the last poll of a host."""
    spool = Spool()
    for minute in range(2):
        spool.poll(minute, *polls, available_mb=available)
    desk = replace(desk, clock=lambda: START + timedelta(minutes=3))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    return desk


def test_of_an_observed_vm_the_lines_are_shown_while_they_hold(desk: Desk) -> None:
    desk = observed(desk, vm())
    file, document = plan_of(desk, "web01 >= 8GiB")
    assert problems("plan", document) == []
    assert document["lines"] == ["Set-NiloVMMemory web01 -StartupBytes 8GB -Reason 'plan: web01 >= 8GiB'"]
    applied = desk.call("apply", file)
    ticket = f" -Ticket '{document['digest'][:23]}'"
    assert (applied.code, applied.out.splitlines()) == (0, [f"{line}{ticket}" for line in document["lines"]])
    later = replace(desk, clock=lambda: START + timedelta(minutes=20))
    shrunk = Spool().poll(18, vm(), available_mb=1024).poll(19, vm(), available_mb=1024)
    assert later.call("import-hyperv", desk.write("t.jsonl", shrunk.data), "--final").code == 0
    refused = later.call("apply", file)
    assert (refused.code, refused.out) == (1, "")
    assert "hv01 has less free than it had" in refused.err


def test_a_vm_under_dynamic_memory_gets_a_higher_maximum(desk: Desk) -> None:
    desk = observed(desk, dynamic(4096))
    _, document = plan_of(desk, "erp01 >= 12GiB")
    assert document["lines"][0].startswith("Set-NiloVMMemory erp01 -MaximumBytes 12GB -Reason ")


def test_of_a_full_observed_host_another_vm_gives_first(desk: Desk) -> None:
    other = vm(8192, 8192, id="11111111-0000-4000-8000-000000000001", name="a pe's", free=6000)
    desk = observed(desk, vm(), other, available=1024)
    _, document = plan_of(desk, "web01 >= 8GiB")
    assert document["lines"][0].startswith("Set-NiloVMMemory 'a pe''s' -StartupBytes 5GB -Reason ")
    assert document["lines"][1].startswith("Set-NiloVMMemory web01 -StartupBytes 8GB -Reason ")
    assert desk.call("plan", "web01 >= 80GiB").code == 1
    file, document = plan_of(desk, "web01 >= 8GiB", "--without", "remove-memory")
    assert document["lines"][0].startswith("Invoke-NiloChange 'a pe''s' { Stop-VM 'a pe''s' } ")
    assert problems("plan", document) == []
    assert desk.call("apply", file).code == 0  # it is planned again as it was asked for
    wrong = desk.call("plan", "web01 >= 8GiB", "--option", "9")
    assert (wrong.code, wrong.err.splitlines()[0]) == (2, "error: there is no option 9: 2 were found")


def test_a_vm_that_has_to_be_stopped_first_is_stopped_with_the_plan_as_the_reason(desk: Desk) -> None:
    other = vm(8192, 8192, id="11111111-0000-4000-8000-000000000001", name="dev07", free=100)
    desk = observed(desk, vm(), other, available=1024)
    file, document = plan_of(desk, "web01 >= 8GiB")
    assert document["lines"][0] == "Invoke-NiloChange dev07 { Stop-VM dev07 } -Reason 'plan: web01 >= 8GiB'"
    shown = desk.call("apply", file).out.splitlines()
    assert shown[0] == f"{document['lines'][0]} -Ticket '{document['digest'][:23]}'"


# One command


def test_a_dry_run_of_one_command_records_nothing(full: Desk) -> None:
    before = full.events
    register = "register-host hv3 --version 2022 --total 4GiB --reserve 0"
    for typed in ("add-memory db02 8GiB", "stop DB02", register):
        command = typed.split()
        shown = full.call("do", *command, "--dry-run")
        assert shown.out.splitlines()[-1] == "Nothing was recorded (--dry-run), and nothing is sent to a hypervisor."
        assert full.events == before
        real = full.call("do", *command, "--dry-run", "--format", "json").json
        assert problems("answer", real) == []
    assert full.call("do", "start", "db9", "--dry-run").code == 2


def test_a_goal_that_is_written_otherwise_is_no_missing_file(full: Desk) -> None:
    for written in ("db02 > 28GiB", "db02 = 28GiB", "db02 28GiB"):
        answer = full.call("plan", written)
        hint = "write a goal as 'db02 >= 16GiB', or name the file of a script"
        assert answer.code == 2
        assert answer.err == f"error: {written!r} is neither a goal nor a file\nhint: {hint}\n"


def test_a_plan_is_not_written_where_a_folder_is(full: Desk) -> None:
    answer = full.call("plan", GOAL, "-o", str(full.folder))
    assert (answer.code, answer.err) == (2, f"error: {full.folder}: this is a folder\nhint: name a file in it\n")
