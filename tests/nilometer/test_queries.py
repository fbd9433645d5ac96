"""The ledger read from Python: the same answers as the commands give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.decision import Outcome
from domain.errors import InputError, UnknownVm
from nilometer import AddMemory, Ledger, Verdict, ask_command, audit_history, parse_size, read_log, read_view
from nilometer.cli.documents import to_document
from nilometer.history.cloudevents import envelope_to_cloudevent
from projections.commits import commits
from tests.nilometer.cli.calling import Desk


@pytest.fixture
def history(tmp_path: Path) -> Desk:
    """A desk with a decided history."""
    return Desk(tmp_path).with_history()


@pytest.mark.parametrize(
    ("options", "args"),
    [
        ({}, []),
        ({"vm": "web01"}, ["--vm", "web01"]),
        ({"host": "hv01", "position": 5}, ["--host", "hv01", "--position", "5"]),
        ({"at": "2026-11-23T09:00:03Z"}, ["--at", "2026-11-23T09:00:03Z"]),
    ],
)
def test_the_view_is_that_of_the_command(history: Desk, options: dict[str, str], args: list[str]) -> None:
    with Ledger.open(history.url, read_only=True) as ledger:
        shown = json.loads(json.dumps(to_document(read_view(ledger, **options))))  # type: ignore[arg-type]
    assert shown == history.call("view", *args, "--format", "json").json


def test_at_a_position_within_a_command_the_fleet_has_all_of_the_command(history: Desk) -> None:
    with Ledger.open(history.url, read_only=True) as ledger:
        groups = [[event.position for event in group] for group in commits(ledger.events())]
        shown = {position: ledger.views.fleet(position).position for group in groups for position in group}
    assert any(len(group) > 1 for group in groups)
    assert shown == {position: group[-1] for group in groups for position in group}


def test_what_is_not_there_is_an_error(history: Desk) -> None:
    with Ledger.open(history.url, read_only=True) as ledger:
        with pytest.raises(UnknownVm):
            read_view(ledger, vm="wbe01")
        with pytest.raises(InputError, match="two moments"):
            read_view(ledger, at="2026-11-23T09:00:03Z", position=1)
        with pytest.raises(InputError, match="time zone"):
            read_view(ledger, at="2026-11-23 09:00")


def test_the_log_is_that_of_the_command(history: Desk) -> None:
    with Ledger.open(history.url, read_only=True) as ledger:
        found = [
            envelope_to_cloudevent(envelope, ledger.id)
            for envelope in read_log(ledger, outcome=Outcome.PARTIALLY_COMPLETED, since="2026-11-23T09:00:00Z", limit=2)
        ]
    assert found == history.call("log", "--outcome", "partially-completed", "-n", "2", "--format", "json").lines


def test_an_audit_is_that_of_the_command_of_a_ledger_and_of_its_export(history: Desk) -> None:
    file = history.folder / "history.jsonl"
    history.call("export", "-o", str(file))
    shown = history.call("audit", "--format", "json").json
    with Ledger.open(history.url, read_only=True) as ledger:
        of_ledger = audit_history(ledger)
    of_file = audit_history(file)
    assert of_ledger.verdict is Verdict(shown["verdict"])
    assert of_ledger.events == of_file.events == shown["events"]
    assert {rule: part.holds for rule, part in of_ledger.checked.items()} == {
        rule: part.holds for rule, part in of_file.checked.items()
    }


def test_an_altered_history_is_violated_and_the_finding_says_where(history: Desk, tmp_path: Path) -> None:
    file = tmp_path / "altered.jsonl"
    lines = history.call("export").out.splitlines()
    altered = [line.replace('"granted":', '"granted":1', 1) if "vm.memory-removed" in line else line for line in lines]
    file.write_text("\n".join(altered) + "\n")
    assert altered != lines
    result = audit_history([file], vms=["web01"])
    assert result.verdict is Verdict.VIOLATED
    assert "vm/web01" in {finding.at.stream for finding in result.findings if finding.verdict is Verdict.VIOLATED}


def test_a_rule_that_there_is_not_is_an_error(history: Desk) -> None:
    with Ledger.open(history.url, read_only=True) as ledger, pytest.raises(InputError):
        audit_history(ledger, rules=["nonsense"])


def test_whether_a_command_would_be_granted_is_answered_as_the_command_line_does(history: Desk) -> None:
    before = history.events
    for amount in ("1GiB", "58GiB", "300TiB", "1TiB"):
        shown = history.call("can", "add-memory", "web01", amount, "--all", "--format", "json").json
        with Ledger.open(history.url, read_only=True) as ledger:
            asked = ask_command(ledger, AddMemory("web01", parse_size(amount)))
        assert (asked.answer.value, asked.decided.granted) == (shown["answer"], shown["granted"])
        options = () if asked.options is None else asked.options.found
        grants = [[step.gives for step in option.steps] for option in options]
        assert grants == [option["grants"] for option in shown["options"]]
    assert history.events == before


def test_a_question_that_cannot_be_asked_is_an_error(history: Desk) -> None:
    with Ledger.open(history.url, read_only=True) as ledger:
        for within in (0, 4, True):
            with pytest.raises(InputError, match="within is"):
                ask_command(ledger, AddMemory("web01", 2**30), within=within)
        with pytest.raises(InputError, match="'stopp' is not a kind of step"):
            ask_command(ledger, AddMemory("web01", 2**30), without="stopp")
        with pytest.raises(UnknownVm):
            ask_command(ledger, AddMemory("web09", 2**30))
