"""An audit as SARIF 2.1.0, which code scanning of GitHub, GitLab, Azure DevOps and editors show.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from nilometer.audit.result import Found
from nilometer.audit.rules import sentence_of
from nilometer.audit.wording import one_line, told_place
from nilometer.cli.audit.document import STDIN, split_place
from nilometer.cli.audit.result import Result
from nilometer.cli.failures import UNREADABLE
from rules.judging.findings import Finding, Verdict

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "nilometer/v1"
"""The name of our fingerprints; another way to make them gets another."""
_LEVELS: Final = {Verdict.VIOLATED: "error", Verdict.UNKNOWN: "warning", Verdict.REMARK: "note"}


def sarif_document(result: Result) -> dict[str, Any]:
    """An audit as one SARIF log with one run."""
    findings = result.audit.findings
    asked = {*result.audit.coverage.rules, *(each.finding.rule for each in findings)}
    rules = {rule: index for index, rule in enumerate(sorted(asked))}
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
                "invocations": [_invocation(result)],
                "results": _results(findings, rules),
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


def _invocation(result: Result) -> dict[str, Any]:
    return {
        "executionSuccessful": result.code != UNREADABLE,
        "exitCode": result.code,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": error.message}} for error in result.unreadable.errors
        ],
    }


def _results(findings: Sequence[Found], rules: Mapping[str, int]) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    for each in findings:
        print = fingerprint(each)
        seen[print] += 1  # two that are alike stay two
        results.append(_result(each.finding, rules) | {"partialFingerprints": {FINGERPRINT: f"{print}:{seen[print]}"}})
    return results


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
        "message": {"text": f"{one_line(finding)}. At {told_place(finding)}."},
        "locations": [location],
        "occurrenceCount": finding.count,
        "properties": {"position": at.position, "time": at.happened, "follows": finding.follows},
    }


def uri(file: str) -> str:
    """A file below this folder as a relative URI, any other with its whole path."""
    path = Path(file).absolute()
    try:
        return quote(path.relative_to(Path.cwd()).as_posix())
    except ValueError:
        return path.as_uri()


def fingerprint(found: Found) -> str:
    """What a finding is known by in the next run: the rule, the event in its ledger, and what contradicts what.

    The line in the file is no part of it: events that are added before it in the file do not make it new.
    """
    finding = found.finding
    event = [found.source, finding.at.stream, finding.at.position or finding.at.happened]
    known = [finding.rule, event, dict(finding.expected), dict(finding.found)]
    return sha256(json.dumps(known, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
