"""What the judge reports: a verdict on one rule and one event, as data. Words are made when a finding is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Final, cast

from domain.quantities import LARGEST
from domain.rule import Rule
from rules.symbolic.terms import Literal

Figure = int | str | bool | None
"""A figure of an event: bytes, a count or a word; ``None`` if it is unknown or absent."""
Figures = Mapping[str, Figure]
"""Figures by their paths, such as ``assigned`` or ``host.free``."""

Difference = tuple[Figures, Figures]
"""The figures that a rule requires, and the same figures as they were found."""

NOTHING: Final[Figures] = {}


@dataclass(frozen=True, slots=True)
class Question:
    """A statement of the specification, and the figures for which it is asked whether it is true."""

    statement: Rule
    known: Mapping[str, Literal]
    """The known ones of its figures, by their paths, such as ``site.host.total``; all others may have any value."""
    doubtful: tuple[str, ...] = ()
    """Those of the known figures that may be of another moment: they do not decide the question."""


def ask(statement: Rule, known: Mapping[str, Literal | None] | None = None, *doubtful: str) -> Question:
    """A question about the figures that are known; ``None`` is unknown."""
    return Question(statement, {path: value for path, value in (known or {}).items() if value is not None}, doubtful)


def ask_measured(statement: Rule, sizes: Mapping[str, int | None] | None = None) -> Question:
    """A question about sizes as they were measured: what cannot be a size, such as a negative number, is not known."""
    return Question(
        statement, {path: size for path, size in (sizes or {}).items() if size is not None and 0 <= size <= LARGEST}
    )


def ask_of(statement: Rule, record: object, path: str) -> Question:
    """A question about a record of which every figure is known."""
    return Question(statement, dict(_figures(record, path)))


def _figures(record: object, path: str) -> Iterator[tuple[str, Literal]]:
    if not is_dataclass(record):
        yield path, cast("Literal", record)
        return
    for part in fields(record):
        yield from _figures(getattr(record, part.name), f"{path}.{part.name}")


class Verdict(StrEnum):
    """The judge's answer for one rule and one event."""

    HOLDS = "holds"
    VIOLATED = "violated"
    """The rule is broken, whatever the values of the missing figures."""
    UNKNOWN = "unknown"
    """The answer depends on figures that were not measured."""
    REMARK = "remark"
    """Worth an auditor's attention, but no violation."""


@dataclass(frozen=True, slots=True)
class At:
    """The event that a finding is about."""

    stream: str
    """Such as ``vm/web01``."""
    position: int | None
    """In its ledger."""
    happened: str | None
    place: str = ""
    """``file:line`` of the judged line; empty if a ledger was judged."""
    record: str | None = None
    """Of an observed event, the record of its source that it was made from."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an auditor should see. Sizes are bytes."""

    rule: str
    """An invariant, a property, or a rule about histories such as ``history_is_whole``."""
    verdict: Verdict
    """``VIOLATED``, ``UNKNOWN`` or ``REMARK``; events for which a rule holds are only counted."""
    at: At
    why: str
    """What is wrong, in one clause: ``the host's VMs hold more memory than it has``."""
    expected: Figures = field(default_factory=dict[str, Figure])
    """The figures that the rule requires."""
    found: Figures = field(default_factory=dict[str, Figure])
    """The same figures as the history has them."""
    let: Figures = field(default_factory=dict[str, Figure])
    """The figures that the rule starts from, known before the event."""
    then: str = ""
    """What happened, in one clause: ``add-memory of 64 GiB had the outcome partially-completed``."""
    follows: int | None = None
    """The position of the first cause, if this finding is only a consequence of it."""
    about: Question | None = None
    """What is asked, if figures alone decide it: for ``UNKNOWN`` some completions of them keep it and others break it;
    for ``VIOLATED`` all break it. Otherwise ``expected`` and ``found`` contradict each other."""
    count: int = 1
    """The number of events that it stands for: events that are unknown for the same reason share one finding."""
    positions: tuple[int, ...] = ()
    """The positions of those events, the first hundred of them; none if it stands for one event."""
    shared: bool = False
    """Whether all events share it that are unknown for this reason: it is made at the end of a history."""


@dataclass(slots=True)
class RuleCoverage:
    """The number of events per verdict, for one rule."""

    holds: int = 0
    violated: int = 0
    unknown: int = 0
    remarks: int = 0
    """Worth a look; not counted as applicable."""

    @property
    def applicable(self) -> int:
        """The number of events that the rule applies to."""
        return self.holds + self.violated + self.unknown


@dataclass(slots=True)
class Coverage:
    """How many events were judged, and the verdicts of each rule."""

    events: int = 0
    """Events within the scope."""
    matched: set[str] = field(default_factory=set[str])
    """With a limited scope: the VMs' and hosts' streams that it includes an event of, a host also through its VMs."""
    rules: dict[str, RuleCoverage] = field(default_factory=dict[str, RuleCoverage])

    def count(self, rule: str, verdict: Verdict, times: int = 1) -> None:
        """Counts a verdict."""
        coverage = self.rules.get(rule)
        if coverage is None:
            coverage = self.rules[rule] = RuleCoverage()
        match verdict:
            case Verdict.HOLDS:
                coverage.holds += times
            case Verdict.VIOLATED:
                coverage.violated += times
            case Verdict.UNKNOWN:
                coverage.unknown += times
            case Verdict.REMARK:
                coverage.remarks += times
