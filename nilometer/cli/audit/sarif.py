"""An audit as SARIF 2.1.0, which code scanning of GitHub, GitLab, Azure DevOps and editors show.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from nilometer.audit.identifying import identify
from nilometer.audit.provenance import provenance_document
from nilometer.audit.result import SourcedFinding
from nilometer.audit.rules import sentence_of
from nilometer.audit.wording import format_location, format_message
from nilometer.cli.audit.document import STDIN, check_document, split_place
from nilometer.cli.audit.result import AuditReport
from nilometer.cli.failures import UNREADABLE
from rules.judging.findings import Finding, Verdict

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "nilometer/v1"
"""The name of these fingerprints; it changes if they are made otherwise."""
_LEVELS: Final = {Verdict.VIOLATED: "error", Verdict.UNKNOWN: "warning", Verdict.REMARK: "note"}


def sarif_document(report: AuditReport) -> dict[str, Any]:
    """An audit as one SARIF log with one run."""
    findings = report.audit.findings
    names = {*report.audit.coverage.rules, *(sourced.finding.rule for sourced in findings)}
    rules = {rule: index for index, rule in enumerate(sorted(names))}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "nilometer",
                        "version": version("nilometer"),
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "invocations": [_invocation(report)],
                "results": _results(findings, rules),
                "properties": {"about": provenance_document(report.audit, report.provenance)},
            }
        ],
    }


def _rule(rule: str) -> dict[str, Any]:
    return {
        "id": rule,
        "shortDescription": {"text": sentence_of(rule)},
        "help": {
            "text": f"{sentence_of(rule)} Each finding names the event, and the figures that contradict each other."
        },
        "defaultConfiguration": {"level": "error"},
    }


def _invocation(report: AuditReport) -> dict[str, Any]:
    return {
        "executionSuccessful": report.code != UNREADABLE,
        "exitCode": report.code,
        "toolExecutionNotifications": [
            *({"level": "error", "message": {"text": error.message}} for error in report.skipped.errors),
            *({"level": "warning", "message": {"text": text}} for text in [report.nothing_to_check] if text),
        ],
    }


def _results(findings: Sequence[SourcedFinding], rules: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        _result(sourced.finding, rules) | {"partialFingerprints": {FINGERPRINT: id}}
        for id, sourced in identify(findings)
    ]


def _result(finding: Finding, rules: Mapping[str, int]) -> dict[str, Any]:
    at = finding.at
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": at.stream, "kind": "resource"}]}
    file, line = split_place(at.place)
    if file is not None and file != STDIN:
        location["physicalLocation"] = {"artifactLocation": {"uri": uri(file)}, "region": {"startLine": line}}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule],
        "level": _LEVELS[finding.verdict],
        "message": {"text": f"{format_message(finding)}. At {format_location(finding)}."},
        "locations": [location],
        "occurrenceCount": finding.count,
        "properties": {
            "position": at.position,
            "time": at.happened,
            "follows": finding.follows,
            "check": check_document(finding),
        },
    }


def uri(file: str) -> str:
    """The URI of a file: relative if it is below the current folder, else absolute."""
    path = Path(file).absolute()
    try:
        return quote(path.relative_to(Path.cwd()).as_posix())
    except ValueError:
        return path.as_uri()
