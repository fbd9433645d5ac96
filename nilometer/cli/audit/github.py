"""An audit as workflow commands of GitHub Actions: annotations on the lines of a history in the repository.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nilometer.audit.wording import format_location, format_message
from nilometer.cli.audit.document import STDIN, split_place
from nilometer.cli.audit.result import AuditReport
from nilometer.cli.escaping import escape_controls
from rules.judging.findings import Finding, Verdict

_COMMANDS: Final = {Verdict.VIOLATED: "error", Verdict.UNKNOWN: "warning", Verdict.REMARK: "notice"}


def workflow_commands(report: AuditReport) -> Iterator[str]:
    """One line for each error in the input and for each finding; the last line is the verdict."""
    for error in report.skipped.errors:
        yield f"::error title=unreadable::{_data(error.message)}"
    for sourced in report.audit.findings:
        yield _annotation(sourced.finding)
    if report.nothing_to_check:
        yield f"::warning title=nothing to check::{_data(report.nothing_to_check)}"
    yield f"{report.verdict.value}: {escape_controls(report.headline)}"


def _annotation(finding: Finding) -> str:
    file, line = split_place(finding.at.place)
    location = {} if file in (None, STDIN) else {"file": file.replace("\\", "/"), "line": str(line)}
    properties = ",".join(f"{name}={_property(value)}" for name, value in (location | {"title": finding.rule}).items())
    text = f"{format_message(finding)}\nat {format_location(finding)}"
    return f"::{_COMMANDS[finding.verdict]} {properties}::{_data(text)}"


def _data(text: str) -> str:
    """Escapes a text after the second ``::``, so that it cannot end the command and begin another."""
    return escape_controls(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
