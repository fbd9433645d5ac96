"""``nilo audit``: what the judge finds is told to people and programs, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from nilometer.cli.audit.result import AuditReport
from rules.judging.findings import At, Finding
from rules.judging.judge import Judge
from rules.judging.scope import EVERYTHING, Scope
from tests.nilometer.cli.audit.judged import FOLLOWS, OVERCOMMITTED, REMARK, UNKNOWN, result_of
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems

# What the judge finds


def test_a_history_that_was_edited_is_violated_in_every_format(desk: Desk, history: str) -> None:
    text = Path(history).read_text()
    edited = desk.write("edited.jsonl", text.replace('"granted":3344957440', '"granted":4294967296'))
    assert Path(edited).read_text() != text
    result = desk.call("audit", edited)
    assert (result.code, result.err) == (1, "")
    assert re.match(r"violated: \d+ findings? in 9 events", result.out)
    assert f"{edited}:6" in result.out
    answer = desk.call("audit", edited, "--format", "json").json
    assert problems("audit", answer) == []
    assert answer["findings"][0]["line"] == 6
    assert desk.call("audit", edited, "--format", "sarif").json["runs"][0]["results"][0]["level"] == "error"
    assert desk.call("audit", edited, "--format", "github").out.startswith(f"::error file={edited},line=6,title=")


class Finder(Judge):
    """Finds one thing at the second event, one that follows from it at the third, and a remark at the end."""

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        self.coverage.events += 1
        at = At(envelope.stream, envelope.position, envelope.metadata.happened, place)
        if envelope.position == 2 and (not self.scope.vms or "web01" in self.scope.vms):
            return [replace(OVERCOMMITTED, at=at)]
        return [replace(FOLLOWS, at=at, follows=2)] if envelope.position == 3 else []

    def finish(self) -> list[Finding]:
        return [REMARK]


@pytest.fixture
def found(history: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A history in which the judge finds something."""
    monkeypatch.setattr("rules.policies.judging.adopted.AdoptedJudge", Finder)
    return history


def test_what_is_found_is_told_with_its_line_and_the_exit_code_is_1(desk: Desk, found: str) -> None:
    result = desk.call("audit", found)
    assert result.code == 1
    assert result.out.startswith(f"violated: 1 finding in 9 events ({found})\n\nviolated: A host never promises more ")
    assert " (host_never_overcommitted)\n  at #2, " in result.out
    assert f"vm/web01, {found}:2\n" in result.out
    assert "1 later finding follows from this" in result.out
    assert "Not shown: 1 finding that follows from these and 1 remark; --all shows them." in result.out


def test_all_is_shown_where_all_is_asked_for_and_to_programs_always(desk: Desk, found: str) -> None:
    all = desk.call("audit", found, "--all").out
    assert "This follows from #2" in all
    assert re.search(r"\nremark: .*\. \(whole_quanta\)\n", all)
    answer = desk.call("audit", found, "--format", "json")
    assert answer.code == 1
    assert problems("audit", answer.json) == []
    assert [(finding["follows"], finding["line"]) for finding in answer.json["findings"]] == [
        (None, 2),
        (2, 3),
        (None, 3),
    ]


@pytest.mark.parametrize(("options", "levels"), [([], ["error"]), (["--all"], ["error", "error", "note"])])
def test_other_tools_are_told_what_people_are_told(
    desk: Desk, found: str, options: list[str], levels: list[str]
) -> None:
    answer = desk.call("audit", found, "--format", "sarif", *options)
    (run,) = answer.json["runs"]
    assert [result["level"] for result in run["results"]] == levels
    assert (answer.code, run["invocations"][0]["exitCode"]) == (1, 1)
    lines = desk.call("audit", found, "--format", "github", *options).out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["::" + level.replace("note", "notice") for level in levels]


def test_what_is_found_in_a_ledger_has_no_line(desk: Desk, found: str) -> None:
    findings = desk.call("audit", "--format", "json").json["findings"]
    assert [(entry["file"], entry["line"]) for entry in findings[:2]] == [(None, None), (None, None)]


@pytest.mark.parametrize("files", [True, False])
def test_the_judge_is_told_what_is_asked(
    desk: Desk, history: str, files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes: list[Scope] = []

    class Listener(Judge):
        def __init__(self, scope: Scope = EVERYTHING, *, late: Mapping[int, str] | None = None) -> None:
            scopes.append(scope)
            super().__init__(scope, late=late)

    monkeypatch.setattr("rules.policies.judging.adopted.AdoptedJudge", Listener)
    options = ["--vm", "web01", "--host", "hv01", "--rule", "maximal", "--rule", "effects"]
    times = ["--since", "2026-11-23T09:00:00Z", "--until", "2026-11-23T10:00:00+01:00"]
    assert desk.call("audit", *[history] * files, *options, *times).code == 0
    since = until = "2026-11-23T09:00:00.000000Z"
    assert scopes == [Scope(since, until, frozenset({"web01"}), frozenset({"hv01"}), frozenset({"maximal", "effects"}))]


# How it ends

FIRST, LATER = OVERCOMMITTED, FOLLOWS


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (result_of(), 0),
        (result_of(REMARK), 0),
        (result_of(UNKNOWN), 0),
        (result_of(UNKNOWN, strict=True), 3),
        (result_of(REMARK, strict=True), 0),
        (result_of(UNKNOWN, required=frozenset({"in_use_never_removed"})), 3),
        (result_of(UNKNOWN, required=frozenset({"maximal"})), 3),
        (result_of(UNKNOWN, required=frozenset({"book_agrees"})), 0),
        (result_of(FIRST), 1),
        (result_of(LATER), 1),
        (result_of(FIRST, UNKNOWN, strict=True), 1),
    ],
)
def test_the_exit_code_says_how_it_ended(result: AuditReport, code: int) -> None:
    assert result.code == code


@pytest.mark.parametrize("findings", [(), (UNKNOWN,), (FIRST, UNKNOWN)])
def test_what_cannot_be_read_counts_most(findings: tuple[Finding, ...]) -> None:
    result = replace(result_of(*findings, strict=True))
    result.skipped(InputError("x:1: it is cut off"))
    assert result.code == 2
