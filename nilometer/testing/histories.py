"""``pytest --nilo-history FILE``: one test item for each rule that a recorded history is judged by.

An item fails with the findings in words if its rule is violated; if all its findings follow from those of another rule,
only the other's item fails, and this one is skipped. If the rule is unknown because figures were not
measured, the item is skipped with the reason, or fails with ``--nilo-strict``: unknown never passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import pytest

from domain.errors import NilometerError

if TYPE_CHECKING:
    from nilometer.audit.result import Audit, SourcedFinding

GROUP: Final = "nilo"
"""The name under which all items stand: ``nilo::host_never_overcommitted``."""
READ: Final = "can_be_read"
"""The item that stands for the file: an error if it cannot be read."""
MOST_SHOWN: Final = 20
"""Findings of one rule that are shown; the others are counted."""

N = TypeVar("N", bound=pytest.Collector | pytest.Item)


def make_node(kind: type[N], parent: pytest.Collector, **arguments: object) -> N:
    """Makes a collector or an item; pytest gives no types for the arguments of ``from_parent``."""
    node: N = cast("Any", kind).from_parent(parent, **arguments)
    return node


class Violated(Exception):
    """A rule is violated, or unknown where that was forbidden."""


class HistoryFile(pytest.Collector):
    """A history, judged when its items are collected: only then is it known which rules apply to it."""

    def collect(self) -> Iterator[HistoryItem]:
        """Makes an item for the file, and one for each rule that applies to an event in it."""
        self.add_marker(GROUP)
        audit: Audit | None = None
        problem = ""
        try:
            audit = judge_file(self.name, self.config.getoption("--nilo-policies"))
        except NilometerError as error:
            problem = f"{error.message}\nhint: {error.hint}" if error.hint else error.message
        yield make_node(HistoryItem, self, name=READ, audit=audit, problem=problem)
        if audit is not None:
            rules = {*audit.coverage.rules, *(sourced.finding.rule for sourced in audit.findings)}
            for rule in sorted(rules):
                yield make_node(HistoryItem, self, name=rule, audit=audit)


class HistoryItem(pytest.Item):
    """One rule on one history; or whether the history can be read."""

    def __init__(self, *, audit: Audit | None, problem: str = "", **named: object) -> None:
        super().__init__(**named)  # type: ignore[arg-type]
        self.audit = audit
        self.problem = problem

    def setup(self) -> None:
        """Makes a file that cannot be read an error, not a failure."""
        if self.problem:
            pytest.fail(self.problem, pytrace=False)

    def runtest(self) -> None:
        """Fails if the rule is violated."""
        assert self.audit is not None
        if self.name == READ:
            self.user_properties.append(("events", self.audit.coverage.events))
            return
        coverage = self.audit.coverage.rules.get(self.name)
        if coverage is not None:
            for verdict in ("holds", "violated", "unknown", "remarks"):
                self.user_properties.append((verdict, getattr(coverage, verdict)))
        cause = describe_cause(self.audit, self.name)
        if cause:
            pytest.skip(cause)
        violated, unknown = describe_rule(self.audit, self.name)
        if violated:
            raise Violated(violated)
        if unknown:
            if self.config.getoption("--nilo-strict"):
                raise Violated(unknown)
            pytest.skip(unknown)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The findings, without a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, Violated) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        """The item's name in reports."""
        return GROUP, None, f"{self.name} of {self.parent.name if self.parent else GROUP}"


def judge_file(name: str, policies: str | None = None) -> Audit:
    """Judges the history in a file, by the policies in another too. Raises ``InputError``."""
    from nilometer.audit.histories import histories
    from nilometer.audit.policies import make_judge, open_policies
    from nilometer.audit.result import Audit
    from nilometer.history.opening import open_history

    asked = () if policies is None else open_policies(policies)
    audit = Audit(minor=True)
    for history in histories([name], open_history):
        judge = make_judge(asked)
        audit.judge(history.events, judge, history.source)
        audit.finish(judge, history.source, history.conflicts)
    return audit


def describe_cause(audit: Audit, rule: str) -> str:
    """From which findings of other rules all violations of a rule follow; empty if it has one of its own, or none.

    One cause is one failure: the item of its rule fails, and those of the rules that follow from it do not.
    """
    from rules.judging.findings import Verdict

    violated = [sourced for sourced in audit.findings if sourced.finding.verdict is Verdict.VIOLATED]
    own = [sourced for sourced in violated if sourced.finding.rule == rule]
    coverage = audit.coverage.rules.get(rule)
    if not own or (coverage is not None and coverage.violated > len(own)):
        return ""
    causes = {
        (sourced.source, sourced.finding.at.position): sourced.finding
        for sourced in violated
        if sourced.finding.follows is None and sourced.finding.rule != rule
    }
    found = [causes.get((sourced.source, sourced.finding.follows)) for sourced in own]
    if None in found:
        return ""
    named = dict.fromkeys(f"#{cause.at.position} ({cause.rule})" for cause in found if cause is not None)
    return f"violated, which follows from {', '.join(named)}"


def describe_rule(audit: Audit, rule: str) -> tuple[str, str]:
    """What violates a rule, and what is unknown about it, in words; empty if nothing is."""
    from nilometer.audit.wording import format_coverage
    from rules.judging.findings import Verdict

    findings = [sourced for sourced in audit.findings if sourced.finding.rule == rule]
    violated = _format(audit, [sourced for sourced in findings if sourced.finding.verdict is Verdict.VIOLATED])
    unknown = [sourced for sourced in findings if sourced.finding.verdict is Verdict.UNKNOWN]
    coverage = audit.coverage.rules.get(rule)
    if not violated and coverage is not None and coverage.violated:
        violated = f"violated {coverage.violated:,} times; nilo audit shows the first findings of all rules"
    if coverage is not None and coverage.unknown:
        why = "; ".join(dict.fromkeys(sourced.finding.why for sourced in unknown[:MOST_SHOWN]))
        return violated, f"unknown: {format_coverage(rule, coverage)}{why and f': {why}'}"
    return violated, _format(audit, unknown)


def _format(audit: Audit, findings: list[SourcedFinding]) -> str:
    from nilometer.audit.wording import format_finding

    texts: list[str] = []
    for sourced in findings[:MOST_SHOWN]:
        consequences = audit.consequences[sourced.source, sourced.finding.at.position or 0]
        texts.append("\n".join(format_finding(sourced.finding, consequences)))
    if len(findings) > MOST_SHOWN:
        texts.append(f"Showing {MOST_SHOWN} of {len(findings):,} findings.")
    return "\n\n".join(texts)
