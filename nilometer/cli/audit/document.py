"""An audit as JSON, as ``nilometer/schemas/audit.json`` describes it."""

from __future__ import annotations

from typing import Any, Final

from nilometer.audit.provenance import provenance_document
from nilometer.audit.wording import format_message
from nilometer.cli.audit.result import AuditReport
from rules.judging.descriptions import subject_of
from rules.judging.findings import Finding


def audit_document(report: AuditReport) -> dict[str, Any]:
    """An audit with all findings that are kept."""
    audit = report.audit
    return {
        "events": audit.coverage.events,
        "verdict": report.verdict.value,
        "about": provenance_document(audit, report.provenance),
        "unmatched": report.unmatched,
        "findings": [_finding(sourced.finding) for sourced in audit.findings],
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
        "unreadable": [{"message": error.message, "hint": error.hint} for error in report.skipped.errors],
    }


STDIN: Final = "stdin"
"""Stands for the file of a history read from stdin."""


def split_place(place: str) -> tuple[str | None, int | None]:
    """Splits a place ``file:line``; gives nothing for an event of a ledger."""
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
        "message": format_message(finding),
        "let": dict(finding.let),
        "then": finding.then,
        "expected": dict(finding.expected),
        "found": dict(finding.found),
        "file": file,
        "line": line,
        "record": at.record,
        "follows": finding.follows,
        "count": finding.count,
    }
