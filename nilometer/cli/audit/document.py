"""An audit as JSON: ``nilometer/schemas/audit.json`` says what stands where."""

from __future__ import annotations

from typing import Any, Final

from nilometer.audit.wording import one_line
from nilometer.cli.audit.result import Result
from rules.judging.descriptions import subject_of
from rules.judging.findings import Finding


def audit_document(result: Result) -> dict[str, Any]:
    """An audit, with all that is kept of it."""
    audit = result.audit
    return {
        "events": audit.coverage.events,
        "verdict": audit.verdict.value,
        "findings": [_finding(each.finding) for each in audit.findings],
        "checked": [
            {
                "rule": rule,
                "holds": coverage.holds,
                "violated": coverage.violated,
                "unknown": coverage.unknown,
                "remarks": coverage.remarks,
                "speaks_of": subject_of(rule).events,
            }
            for rule, coverage in sorted(audit.coverage.rules.items())
        ],
        "left_out": audit.left_out,
        "unreadable": [{"message": each.message, "hint": each.hint} for each in result.unreadable.errors],
    }


STDIN: Final = "stdin"
"""What stands for a file where there is none."""


def split_place(place: str) -> tuple[str | None, int | None]:
    """A place ``file:line`` as the two; nothing where a ledger was judged."""
    file, _, line = place.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (None, None)


def _finding(finding: Finding) -> dict[str, Any]:
    at = finding.at
    file, line = split_place(at.place)
    return {
        "rule": finding.rule,
        "verdict": finding.verdict.value,
        "position": at.position,
        "time": at.happened,
        "subject": at.stream,
        "message": one_line(finding),
        "expected": dict(finding.expected),
        "found": dict(finding.found),
        "file": file,
        "line": line,
        "record": at.record,
        "follows": finding.follows,
        "count": finding.count,
    }
