"""Findings: what the judge says, with the states that keep a rule and that break it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from domain.identifiers import UtcTime
from nilometer.audit.identifying import identify
from nilometer.audit.result import SourcedFinding
from nilometer.audit.wording import format_message, format_values
from nilometer.report.building.context import Context, rule_reference
from nilometer.report.data import FindingItem, Reference
from rules.judging.descriptions import subject_of
from rules.judging.findings import Figures, Finding, Verdict
from rules.judging.unknowns import certain, complete

MOST_COMPLETED: Final = 20
"""Completions of unknown findings that are shown: each takes the solver's arithmetic."""

_WORDS: Final[dict[Verdict, Literal["violated", "unknown", "remark"]]] = {
    Verdict.VIOLATED: "violated",
    Verdict.UNKNOWN: "unknown",
    Verdict.REMARK: "remark",
}
_ORDER: Final = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.REMARK)


def finding_items(context: Context, found: Iterable[SourcedFinding]) -> tuple[FindingItem, ...]:
    """The findings, violations first, then what is unknown, then remarks; each in the order of the events."""
    ordered = sorted(found, key=lambda sourced: (_ORDER.index(sourced.finding.verdict), sourced.finding.follows or 0))
    explained: set[str] = set()
    items: list[FindingItem] = []
    for number, (id, sourced) in enumerate(identify(ordered), start=1):
        finding = sourced.finding
        is_first = finding.verdict is Verdict.UNKNOWN and finding.rule not in explained
        if is_first:
            explained.add(finding.rule)
        items.append(_item(context, number, id, sourced, explained=is_first and len(explained) <= MOST_COMPLETED))
    return tuple(items)


def flags(items: Sequence[FindingItem]) -> dict[int, list[Reference]]:
    """The findings about each event, by its position: those that follow from others only at theirs."""
    found: dict[int, list[Reference]] = {}
    for item in items:
        if item.event is not None:
            words = f"{item.verdict}: {item.rule.words}"
            found.setdefault(int(item.event.words[1:]), []).append(Reference(words, f"#{item.anchor}"))
    return found


def _item(context: Context, number: int, id: str, sourced: SourcedFinding, *, explained: bool) -> FindingItem:
    finding = sourced.finding
    at = finding.at
    keeps, breaks, known = _completions(finding) if explained else ((), (), ())
    return FindingItem(
        anchor=f"f{number}",
        id=id,
        verdict=_WORDS[finding.verdict],
        rule=rule_reference(finding.rule),
        event=None if at.position is None else context.event(at.position),
        time="" if at.happened is None else context.clock.clock(UtcTime(at.happened)),
        subject=context.subject(at.stream),
        message=format_message(finding),
        count=finding.count,
        follows=None if finding.follows is None else context.event(finding.follows),
        let=tuple(_pairs(finding.let)),
        then=finding.then,
        keeps=keeps,
        breaks=breaks,
        known=known,
        collect=subject_of(finding.rule).collect if finding.verdict is Verdict.UNKNOWN else "",
    )


Pairs = tuple[tuple[str, str], ...]


def _completions(finding: Finding) -> tuple[Pairs, Pairs, Pairs]:
    """Values of the figures that nobody measured, with which the rule holds, and with which it does not."""
    if finding.about is None or finding.verdict is not Verdict.UNKNOWN:
        return (), (), ()
    asked, completions = certain(finding.about), complete(finding.about)
    return (
        tuple(_pairs(completions.keeps or {})),
        tuple(_pairs(completions.breaks or {})),
        tuple(_pairs(asked.known)),
    )


def _pairs(figures: Figures | Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for path, value in figures.items():
        shown = value if isinstance(value, int | str | bool) or value is None else str(value)
        yield path.removeprefix("site."), format_values(path, [shown])[0]
