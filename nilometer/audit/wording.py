"""Findings in words: Let … Then … However …, with the sentence of the rule and the figures as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from domain.quantities import is_count
from nilometer.audit.rules import sentence_of
from nilometer.times import format_time
from rules.judging.descriptions import subject_of
from rules.judging.findings import Figure, Figures, Finding, Question, RuleCoverage, Verdict
from rules.judging.unknowns import certain, complete
from rules.wording import UNKNOWN, format_figures

_COUNTS: Final = frozenset(("position", "version", "events", "line"))
"""Whole numbers that are not sizes, besides the figures of hosts and VMs."""


def format_values(path: str, values: Sequence[Figure]) -> list[str]:
    """Values of one figure as people read them, sizes in one unit; the path shows whether it is a size."""
    if path.rpartition(".")[2] in _COUNTS:
        return [UNKNOWN if value is None else str(value) for value in values]
    texts = format_figures(path, values)
    return [UNKNOWN if value is None else text for value, text in zip(values, texts, strict=True)]


def is_size(path: str) -> bool:
    """Whether a number at this path is a size in bytes."""
    return path.rpartition(".")[2] not in _COUNTS and not is_count(path)


def format_location(finding: Finding) -> str:
    """The event of a finding: ``#8, 2026-11-23 09:00:00Z, vm/web01, history.jsonl:8``."""
    at = finding.at
    position = None if at.position is None else f"#{at.position}"
    happened = None if at.happened is None else format_time(at.happened)
    record = None if at.record is None else f"record {at.record}"
    return ", ".join(filter(None, (position, happened, at.stream, at.place, record)))


def format_difference(finding: Finding) -> list[str]:
    """The figures that contradict each other, a line each: ``granted: expected 4 GiB, found 6 GiB``."""
    lines: list[str] = []
    for path in dict.fromkeys([*finding.expected, *finding.found]):
        values = {
            word: figures[path]
            for word, figures in (("expected", finding.expected), ("found", finding.found))
            if path in figures
        }
        texts = format_values(path, list(values.values()))
        lines.append(f"{path}: {', '.join(f'{word} {text}' for word, text in zip(values, texts, strict=True))}")
    return lines


def format_message(finding: Finding) -> str:
    """A finding in one line, without its location."""
    difference = "; ".join(format_difference(finding))
    message = f"{finding.why} ({difference})" if difference else finding.why
    return f"{message}, in {finding.count:,} events" if finding.count > 1 else message


def format_finding(finding: Finding, consequences: int = 0, *, explained: bool = False) -> Iterator[str]:
    """A finding in several lines, the verdict and the rule first.

    ``consequences`` is how many others only follow from it. ``explained``: what is unknown is shown to be so.
    """
    yield f"{finding.verdict}: {sentence_of(finding.rule)} ({finding.rule})"
    more = finding.count - 1
    yield f"  at {format_location(finding)}" + (f", and {_counted(more, 'more event')}" if more else "")
    if finding.let:
        yield "  Let"
        yield from _table(finding.let, "    ")
    if finding.then:
        yield f"  Then {finding.then}"
    why = f"However, {finding.why}" if finding.let or finding.then else finding.why[0].upper() + finding.why[1:]
    yield f"  {why}"
    for line in format_difference(finding):
        yield f"    {line}"
    if explained and finding.about is not None and finding.verdict is Verdict.UNKNOWN:
        yield from _completions(finding.about, finding.rule)
    if finding.follows is not None:
        yield f"  This follows from #{finding.follows}"
    if consequences:
        follow = "follows" if consequences == 1 else "follow"
        yield f"  {_counted(consequences, 'later finding')} {follow} from this"


def _completions(question: Question, rule: str) -> Iterator[str]:
    """What is asked, and values of the missing figures that keep it and that break it."""
    asked, completions = certain(question), complete(question)
    keeps, breaks, statement = completions.keeps or {}, completions.breaks or {}, asked.statement
    both = [path for path in keeps if keeps[path] == breaks.get(path)]
    if statement.__name__ != rule:
        yield f"  The condition: {' '.join((statement.__doc__ or '').split())} ({statement.__name__})"
    for beginning, figures in (
        ("known:", asked.known),
        ("assume", {path: keeps[path] for path in both}),
        ("kept with", {path: value for path, value in keeps.items() if path not in both}),
        ("broken with", {path: value for path, value in breaks.items() if path not in both}),
    ):
        if figures:
            yield f"    {beginning} {_listed(figures)}"


def _listed(figures: Figures) -> str:
    return ", ".join(f"{path.removeprefix('site.')} {format_values(path, [size])[0]}" for path, size in figures.items())


def _table(figures: Figures, indent: str) -> Iterator[str]:
    width = max(map(len, figures))
    for path, value in figures.items():
        yield f"{indent}{path:<{width}}  {format_values(path, [value])[0]}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def format_coverage(rule: str, coverage: RuleCoverage) -> str:
    """How far a rule that is unknown for some events could be checked, and what to collect."""
    subject = subject_of(rule)
    checked = coverage.applicable - coverage.unknown
    parts = [f"{checked:,} of {coverage.applicable:,} {subject.events} could be checked"]
    parts += [f"{coverage.violated:,} violated"] if coverage.violated else []
    text = ", ".join(parts)
    if not subject.collect:
        return text
    return f"{text}; to check {'the others' if checked else 'them'}, collect {subject.collect}"
