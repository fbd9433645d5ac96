"""Collects verdicts: counts them per rule, and keeps the findings until they are drained."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.envelope import Envelope
from domain.events import Event
from rules.judging.findings import NOTHING, At, Coverage, Difference, Figures, Finding, Question, Verdict
from rules.judging.scope import Scope

MOST_POSITIONS: Final = 100
"""Positions of events that share a finding which are kept: the first ones of the history."""


class EventRef(NamedTuple):
    """An event and the place where it was read."""

    envelope: Envelope[Event]
    place: str
    """``file:line``; empty for an event of a ledger."""


@dataclass(slots=True)
class _UnknownGroup:
    """Events for which a rule is unknown for the same reason."""

    ref: EventRef
    """The one with the lowest position, whichever was judged first."""
    about: Question
    count: int = 0
    positions: list[int] = field(default_factory=list[int])

    def add(self, position: int, times: int) -> None:
        """Counts an event; its position is kept if it is one of the lowest."""
        self.count += times
        positions = self.positions
        if len(positions) == MOST_POSITIONS and position >= positions[-1]:
            return
        index = bisect_left(positions, position)
        if positions[index : index + 1] != [position]:
            positions.insert(index, position)
            del positions[MOST_POSITIONS:]


class FindingCollector:
    """Verdicts on one history, limited to the rules and events in scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.everything = scope.everything
        self.coverage = Coverage()
        self.in_scope = True
        """Whether the current event is in scope."""
        self.reported: set[str] = set()
        """The rules reported as violated or unknown for the current change."""
        self._causes: dict[int, int | None] = {}
        """With a limited scope: by the position of a first cause, the finding shown in its place; ``None`` if the
        cause is shown itself."""
        self._findings: list[Finding] = []
        self._clean: dict[tuple[str, str], int] = {}
        self._unknown: dict[tuple[str, str], _UnknownGroup] = {}

    def enter(self, ref: EventRef, host: str | None) -> None:
        """Makes an event the current one; ``host`` is the host of its VM."""
        if self.everything:
            return
        envelope = ref.envelope
        self.in_scope = self.scope.includes(envelope.stream, host, envelope.metadata.happened)

    def drain(self) -> list[Finding]:
        """Returns the findings made since the last call."""
        findings = self._findings
        if findings:
            self._findings = []
        return findings

    def includes(self, rule: str) -> bool:
        """Whether a rule is in scope."""
        return not self.scope.rules or rule in self.scope.rules

    def count_holds(self, rule: str, times: int = 1) -> None:
        """A rule holds for the current event, or for this number of events."""
        if times and self.in_scope and self.includes(rule):
            self.coverage.count(rule, Verdict.HOLDS, times)

    def report_unknown(
        self, rule: str, ref: EventRef, why: str, about: Question | Callable[[], Question], times: int = 1
    ) -> None:
        """A figure that a rule needs was not measured. Events with the same reason share a finding, about the first.

        The first is the one with the lowest position, so that parts of a history come to the same finding as the whole.
        What is asked is made for it alone, if ``about`` makes it.
        """
        self.reported.add(rule)
        if times and self.in_scope and self.includes(rule):
            self.coverage.count(rule, Verdict.UNKNOWN, times)
            group, position = self._unknown.get((rule, why)), ref.envelope.position
            if group is None or position < group.ref.envelope.position:
                question = about if isinstance(about, Question) else about()
                if group is None:
                    group = self._unknown[rule, why] = _UnknownGroup(ref=ref, about=question)
                group.ref, group.about = ref, question
            group.add(position, times)

    def report_lost(self, rule: str, ref: EventRef, why: str, about: Question, times: int) -> None:
        """A figure that a rule needs can never be measured any more: a finding of its own."""
        if self.in_scope and self.includes(rule):
            self.coverage.count(rule, Verdict.UNKNOWN, times)
            self._findings.append(
                Finding(rule=rule, verdict=Verdict.UNKNOWN, at=location_of(ref), why=why, about=about, count=times)
            )

    def report_remark(self, rule: str, ref: EventRef, why: str, difference: Difference = (NOTHING, NOTHING)) -> None:
        """Something worth a look, but no violation."""
        self._report(Verdict.REMARK, rule, ref, why, difference)

    def report_violation(
        self,
        rule: str,
        ref: EventRef,
        why: str,
        difference: Difference = (NOTHING, NOTHING),
        *,
        let: Figures = NOTHING,
        then: str = "",
        follows: int | None = None,
        about: Question | None = None,
    ) -> None:
        """A rule is broken; ``follows`` is the position of the first cause, if this is a consequence of another."""
        self.reported.add(rule)
        self._report(Verdict.VIOLATED, rule, ref, why, difference, let=let, then=then, follows=follows, about=about)

    def count_unreported(self, rules: Iterable[str]) -> None:
        """Counts those of these rules as holding that were not reported for the current change."""
        for rule in rules:
            if rule not in self.reported:
                self.count_holds(rule)

    def count_clean(self, kind: tuple[str, str]) -> None:
        """All rules that apply to this kind of event hold. They are looked up once per kind, at the end."""
        if self.in_scope:
            self._clean[kind] = self._clean.get(kind, 0) + 1

    def expand_clean(self, rules_for: Callable[[tuple[str, str]], Iterable[str]]) -> None:
        """Counts each rule for the events that were counted as clean by kind only."""
        for kind, times in self._clean.items():
            for rule in rules_for(kind):
                if self.includes(rule):
                    self.coverage.count(rule, Verdict.HOLDS, times)
        self._clean.clear()

    def finish(self) -> None:
        """Makes the findings about what is unknown."""
        for (rule, why), group in self._unknown.items():
            finding = Finding(
                rule=rule,
                verdict=Verdict.UNKNOWN,
                at=location_of(group.ref),
                why=why,
                about=group.about,
                count=group.count,
                positions=tuple(group.positions) if group.count > 1 else (),
                shared=True,
            )
            self._findings.append(finding)
        self._unknown.clear()

    def _report(
        self,
        verdict: Verdict,
        rule: str,
        ref: EventRef,
        why: str,
        difference: Difference,
        *,
        let: Figures = NOTHING,
        then: str = "",
        follows: int | None = None,
        about: Question | None = None,
    ) -> None:
        if not (self.in_scope and self.includes(rule)):
            return
        self.coverage.count(rule, verdict)
        if not self.everything:
            follows = self._shown_cause(ref.envelope.position, follows)
        expected, found = difference
        self._findings.append(
            Finding(
                rule=rule,
                verdict=verdict,
                at=location_of(ref),
                why=why,
                expected=expected,
                found=found,
                let=let,
                then=then,
                follows=follows,
                about=about,
            )
        )

    def _shown_cause(self, position: int, follows: int | None) -> int | None:
        """The first cause of a finding if that is in scope; else the first consequence in scope takes its place.

        A finding that only follows from something out of scope would be hidden.
        """
        if follows is None:
            self._causes[position] = None
            return None
        cause = self._causes.setdefault(follows, position)
        if cause is None:
            return follows
        if cause != position:
            return cause
        self._causes[position] = None
        return None


def location_of(ref: EventRef) -> At:
    """The location that a finding about an event points to."""
    envelope = ref.envelope
    return At(
        stream=envelope.stream,
        position=envelope.position,
        happened=envelope.metadata.happened,
        place=ref.place,
        record=getattr(envelope.event, "record", None),
    )
