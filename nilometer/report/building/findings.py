"""Findings: what the judge says, with the states that keep a rule and that break it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from domain.identifiers import UtcTime
from nilometer.audit.identifying import identify
from nilometer.audit.result import SourcedFinding
from nilometer.audit.wording import format_message, format_values, is_size
from nilometer.messages.sizes import Unit, common_unit, format_sizes
from nilometer.report.building.context import Context, rule_reference, shown
from nilometer.report.data import FindingItem, Reference, StateFigure, StatePanel
from rules.judging.descriptions import subject_of
from rules.judging.findings import Figures, Finding, Verdict
from rules.judging.unknowns import certain, complete
from rules.wording import exact_unit

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
        states=tuple(_completions(finding)) if explained else (),
        collect=subject_of(finding.rule).collect if finding.verdict is Verdict.UNKNOWN else "",
    )


def _completions(finding: Finding) -> Iterator[StatePanel]:
    """Two states that agree with all that was measured: in one the rule holds, in the other it does not."""
    if finding.about is None or finding.verdict is not Verdict.UNKNOWN:
        return
    known, completions = certain(finding.about).known, complete(finding.about)
    both = (("holds", completions.keeps), ("violated", completions.breaks))
    supposed = [(word, assumed) for word, assumed in both if assumed]
    unit = one_unit([{**known, **assumed} for _, assumed in supposed])
    for word, assumed in supposed:
        figures = (*state_figures(assumed, unit, is_assumed=True), *state_figures(known, unit))
        yield StatePanel(word=word, rest="with", figures=figures)


def one_unit(states: Sequence[Mapping[str, object]]) -> Unit:
    """The unit of all sizes of states that stand side by side: two that differ must look different in it."""
    sizes = {path: [_size(path, state.get(path)) for state in states] for state in states for path in state}
    together = [size for of_path in sizes.values() for size in of_path]
    unit = common_unit(together)
    for of_path in sizes.values():
        if len(set(format_sizes(of_path, unit))) < len(set(of_path)):
            return exact_unit(together)
    return unit


def state_figures(figures: Mapping[str, object], unit: Unit, *, is_assumed: bool = False) -> Iterator[StateFigure]:
    """Figures of a state, in words and as sizes."""
    for (path, words), value in zip(_pairs(figures), figures.values(), strict=True):
        size = _size(path, value)
        in_words = words if size is None else shown(size, unit)
        yield StateFigure(path=path, words=in_words, size=size, is_assumed=is_assumed)


def _size(path: str, value: object) -> int | None:
    return value if type(value) is int and is_size(path) else None


def _pairs(figures: Figures | Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for path, value in figures.items():
        shown = value if isinstance(value, int | str | bool) or value is None else str(value)
        yield path.removeprefix("site."), format_values(path, [shown])[0]
