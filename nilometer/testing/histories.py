"""``pytest --nilo-history FILE``: one test item for each rule that a recorded history is judged by.

An item fails with the findings in words if its rule is violated. If the rule is unknown, because nobody measured what
it hangs on, the item is skipped with the reason, or fails with ``--nilo-strict``: unknown never passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from domain.errors import NilometerError
from nilometer.testing.nodes import GROUP, made

if TYPE_CHECKING:
    from nilometer.audit.result import Audit, Found

READ: Final = "can_be_read"
"""The item that stands for the file: an error if it cannot be read."""
SHOWN: Final = 20
"""So many findings of one rule are shown; the others are counted."""


class Violated(Exception):
    """A rule is violated, or unknown where that was not to be."""


class HistoryFile(pytest.Collector):
    """A history, judged when its items are collected: which rules speak of it is known only then."""

    def collect(self) -> Iterator[HistoryItem]:
        """An item for the file, and one for each rule that speaks of something in it."""
        self.add_marker(GROUP)
        audit: Audit | None = None
        problem = ""
        try:
            audit = judged(self.name)
        except NilometerError as error:
            problem = f"{error.message}\nhint: {error.hint}" if error.hint else error.message
        yield made(HistoryItem, self, name=READ, audit=audit, problem=problem)
        if audit is not None:
            rules = {*audit.coverage.rules, *(each.finding.rule for each in audit.findings)}
            for rule in sorted(rules):
                yield made(HistoryItem, self, name=rule, audit=audit)


class HistoryItem(pytest.Item):
    """One rule on one history; or that the history can be read."""

    def __init__(self, *, audit: Audit | None, problem: str = "", **named: object) -> None:
        super().__init__(**named)  # type: ignore[arg-type]
        self.audit = audit
        self.problem = problem

    def setup(self) -> None:
        """A file that cannot be read is an error, not a failure."""
        if self.problem:
            pytest.fail(self.problem, pytrace=False)

    def runtest(self) -> None:
        """Nothing violates the rule."""
        assert self.audit is not None
        if self.name == READ:
            self.user_properties.append(("events", self.audit.coverage.events))
            return
        coverage = self.audit.coverage.rules.get(self.name)
        if coverage is not None:
            for verdict in ("holds", "violated", "unknown", "remarks"):
                self.user_properties.append((verdict, getattr(coverage, verdict)))
        violated, unknown = told(self.audit, self.name)
        if violated:
            raise Violated(violated)
        if unknown:
            if self.config.getoption("--nilo-strict"):
                raise Violated(unknown)
            pytest.skip(unknown)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The findings; a traceback would say nothing."""
        return str(excinfo.value) if isinstance(excinfo.value, Violated) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        """What the item is called in reports."""
        return GROUP, None, f"{self.name} of {self.parent.name if self.parent else GROUP}"


def judged(name: str) -> Audit:
    """A history in a file, judged. Raises ``InputError``."""
    from nilometer.audit.reading import histories
    from nilometer.audit.result import Audit
    from nilometer.textio.files import open_input
    from rules.judging.judge import Judge

    audit = Audit(minor=True)
    for history in histories([name], open_input):
        judge = Judge()
        audit.judge(history.events, judge, history.source)
        audit.finish(judge, history.source)
    return audit


def told(audit: Audit, rule: str) -> tuple[str, str]:
    """What violates a rule, and what is unknown of it, in words; empty where nothing is."""
    from nilometer.audit.wording import partly
    from rules.judging.findings import Verdict

    about = [each for each in audit.findings if each.finding.rule == rule]
    violated = _stories(audit, [each for each in about if each.finding.verdict is Verdict.VIOLATED])
    unknown = [each for each in about if each.finding.verdict is Verdict.UNKNOWN]
    coverage = audit.coverage.rules.get(rule)
    if not violated and coverage is not None and coverage.violated:
        violated = f"violated {coverage.violated:,} times; nilo audit tells of the first findings of all rules"
    if coverage is not None and coverage.unknown:
        why = "; ".join(dict.fromkeys(each.finding.why for each in unknown[:SHOWN]))
        return violated, f"unknown: {partly(rule, coverage)}{why and f': {why}'}"
    return violated, _stories(audit, unknown)


def _stories(audit: Audit, found: list[Found]) -> str:
    from nilometer.audit.wording import story

    stories = [
        "\n".join(story(each.finding, audit.following[each.source, each.finding.at.position or 0]))
        for each in found[:SHOWN]
    ]
    if len(found) > SHOWN:
        stories.append(f"Showing {SHOWN} of {len(found):,} findings.")
    return "\n\n".join(stories)
