"""Findings in words: Let … Then … However …, with the sentence of the rule and the figures as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nilometer.audit.rules import sentence_of
from nilometer.times import format_time
from rules.judging.descriptions import subject_of
from rules.judging.findings import Figure, Figures, Finding, RuleCoverage
from rules.wording import figure

_COUNTS: Final = frozenset(("position", "version", "stream_version", "request", "events", "line"))
"""Numbers of histories that are no sizes, beside those of the rules."""


def told_figure(path: str, value: Figure) -> str:
    """A figure as people read it; its path says whether it is a size."""
    if value is None:
        return "unknown"
    if isinstance(value, int) and not isinstance(value, bool) and path.rpartition(".")[2] in _COUNTS:
        return str(value)
    return figure(path, value)


def told_place(finding: Finding) -> str:
    """Where a finding is: ``#8, 2026-11-23 09:00:00Z, vm/web01, history.jsonl:8``."""
    at = finding.at
    position = None if at.position is None else f"#{at.position}"
    happened = None if at.happened is None else format_time(at.happened)
    record = None if at.record is None else f"record {at.record}"
    return ", ".join(filter(None, (position, happened, at.stream, at.place, record)))


def told_difference(finding: Finding) -> list[str]:
    """The figures that contradict each other: ``granted: expected 4 GiB, found 6 GiB``."""
    lines: list[str] = []
    for path in dict.fromkeys([*finding.expected, *finding.found]):
        parts = [
            f"{word} {told_figure(path, figures[path])}"
            for word, figures in (("expected", finding.expected), ("found", finding.found))
            if path in figures
        ]
        lines.append(f"{path}: {', '.join(parts)}")
    return lines


def one_line(finding: Finding) -> str:
    """A finding in one line, without its place."""
    difference = "; ".join(told_difference(finding))
    told = f"{finding.why} ({difference})" if difference else finding.why
    return f"{told}, in {finding.count:,} events" if finding.count > 1 else told


def story(finding: Finding, following: int = 0) -> Iterator[str]:
    """A finding as a story; its first line is what the verdict is on. ``following`` others only follow from it."""
    yield f"{finding.verdict}: {finding.rule}"
    yield f"  at {told_place(finding)}" + (f", and {finding.count - 1:,} more events" if finding.count > 1 else "")
    if finding.let:
        yield "  Let"
        yield from _table(finding.let, "    ")
    if finding.then:
        yield f"  Then {finding.then}"
    yield f"  However {finding.why}" if finding.let or finding.then else f"  {finding.why}"
    for line in told_difference(finding):
        yield f"    {line}"
    yield f"  The rule says: {sentence_of(finding.rule)}"
    if finding.follows is not None:
        yield f"  This only follows from #{finding.follows}"
    if following:
        follow = "finding only follows" if following == 1 else "findings only follow"
        yield f"  {following:,} later {follow} from this"


def _table(figures: Figures, indent: str) -> Iterator[str]:
    width = max(map(len, figures))
    for path, value in figures.items():
        yield f"{indent}{path:<{width}}  {told_figure(path, value)}"


def partly(rule: str, coverage: RuleCoverage) -> str:
    """How far a rule that is unknown somewhere could be checked, and what to collect."""
    subject = subject_of(rule)
    checked = coverage.applicable - coverage.unknown
    told = f"{checked:,} of {coverage.applicable:,} {subject.events} could be checked"
    told += f", {coverage.violated:,} violated" if coverage.violated else ""
    return told + (f"; collect {subject.collect}" if subject.collect else "")
