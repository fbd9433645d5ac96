"""An audit as workflow commands of GitHub Actions: annotations on the lines of a history that stands in the repository.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nilometer.audit.wording import one_line, told_place
from nilometer.cli.audit.document import STDIN, split_place
from nilometer.cli.audit.result import Result
from nilometer.cli.output import escape_controls
from rules.judging.findings import Finding, Verdict

_COMMANDS: Final = {Verdict.VIOLATED: "error", Verdict.UNKNOWN: "warning", Verdict.REMARK: "notice"}


def workflow_commands(result: Result) -> Iterator[str]:
    """A line a finding, and one of what could not be read; the last line is the verdict."""
    for error in result.unreadable.errors:
        yield f"::error title=unreadable::{_data(error.message)}"
    for each in result.audit.findings:
        yield _annotation(each.finding)
    yield f"{result.audit.verdict.value}: {escape_controls(result.headline)}"


def _annotation(finding: Finding) -> str:
    file, line = split_place(finding.at.place)
    where = {} if file in (None, STDIN) else {"file": file.replace("\\", "/"), "line": str(line)}
    properties = ",".join(f"{name}={_property(value)}" for name, value in (where | {"title": finding.rule}).items())
    told = f"{one_line(finding)}\nat {told_place(finding)}"
    return f"::{_COMMANDS[finding.verdict]} {properties}::{_data(told)}"


def _data(text: str) -> str:
    """A text after the second ``::``: nothing in it can end the command and begin another."""
    return escape_controls(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
