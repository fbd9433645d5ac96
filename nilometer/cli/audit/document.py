"""An audit as JSON, as ``nilometer/schemas/audit.json`` describes it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from nilometer.audit.documents.finding import write_coverage, write_watched
from nilometer.audit.identifying import identify
from nilometer.audit.provenance import provenance_document
from nilometer.audit.wording import format_message
from nilometer.cli.audit.result import AuditReport
from rules.judging.descriptions import subject_of
from rules.judging.findings import Finding
from rules.judging.unknowns import certain, complete, formula_of
from rules.symbolic.terms import Literal


def audit_document(report: AuditReport) -> dict[str, Any]:
    """An audit with all findings that are kept."""
    audit = report.audit
    return {
        "events": audit.coverage.events,
        "verdict": report.verdict.value,
        "about": provenance_document(audit, report.provenance),
        "unmatched": report.unmatched,
        "findings": [_finding(id, sourced.finding) for id, sourced in identify(audit.findings)],
        "checked": [
            {**write_coverage(rule, coverage), "speaks_of": subject_of(rule).events}
            for rule, coverage in sorted(audit.coverage.rules.items())
        ],
        "watched": [write_watched(host, gaps) for host, gaps in report.watched],
        "left_out": audit.left_out,
        "unreadable": [{"message": error.message, "hint": error.hint} for error in report.skipped.errors],
    }


STDIN: Final = "stdin"
"""Stands for the file of a history read from stdin."""


def split_place(place: str) -> tuple[str | None, int | None]:
    """Splits a place ``file:line``; gives nothing for an event of a ledger."""
    file, _, line = place.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (None, None)


def _finding(id: str, finding: Finding) -> dict[str, Any]:
    at = finding.at
    file, line = split_place(at.place)
    return {
        "id": id,
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
        "check": check_document(finding),
        "file": file,
        "line": line,
        "record": at.record,
        "follows": finding.follows,
        "count": finding.count,
        "positions": list(finding.positions),
    }


def check_document(finding: Finding) -> dict[str, Any] | None:
    """The statement that a finding is about, and figures to run it on; ``None`` if figures alone do not decide it."""
    if finding.about is None:
        return None
    question, completions = certain(finding.about), complete(finding.about)
    return {
        "statement": question.statement.__name__,
        "formula": formula_of(question.statement),
        "known": _plain(question.known),
        "keeps": None if completions.keeps is None else _plain(completions.keeps),
        "breaks": None if completions.breaks is None else _plain(completions.breaks),
    }


def _plain(figures: Mapping[str, Literal]) -> dict[str, int | str | bool]:
    return {path: value.value if isinstance(value, StrEnum) else value for path, value in figures.items()}
