"""The result of an audit: the findings that are kept, counts of all others, and one verdict."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from nilometer.audit.histories import Conflict
from nilometer.audit.prediction.lines import LinePredictor
from nilometer.audit.reading import LineEvents
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from projections.watching import Watching
from rules.judging.collector import MOST_POSITIONS
from rules.judging.completeness import PlacedEvent
from rules.judging.findings import Coverage, Finding, RuleCoverage, Verdict
from rules.judging.judge import Judge

MOST_FINDINGS: Final = 10_000
"""Findings kept to be shown; all others are only counted."""


@dataclass(frozen=True, slots=True)
class SourcedFinding:
    """A finding, and the ledger that its history names as its source."""

    finding: Finding
    source: str


EventPlace = tuple[int, str, str]
"""The position of an event, when it happened, and its stream."""


def _place_of(placed: PlacedEvent) -> EventPlace:
    envelope = placed.envelope
    return envelope.position, envelope.metadata.happened, envelope.stream


def is_minor(finding: Finding) -> bool:
    """Whether a finding is a remark or only follows from another: it is shown on request only."""
    return finding.follows is not None or finding.verdict is Verdict.REMARK


def _position_of(finding: Finding) -> float:
    return inf if finding.at.position is None else finding.at.position


def combine_shared(one: Finding, other: Finding) -> Finding:
    """One finding of two that events of two parts of a history share: about the first event of both."""
    first, second = sorted((one, other), key=_position_of)
    positions = [position for part in (one, other) for position in part.positions or (part.at.position,)]
    known = sorted({position for position in positions if position is not None})[:MOST_POSITIONS]
    return replace(first, count=first.count + second.count, positions=tuple(known))


FindingOrder = tuple[int, bool, float, int, str, str]
"""By ledger; what events share after all else; by position; by when it was made, or by rule and reason."""
KeptFinding = tuple[FindingOrder, int, SourcedFinding]
"""A finding, where it stands among the others, and how many were made before it."""


def _order_of(kept: KeptFinding) -> FindingOrder:
    return kept[0]


class Audit:
    """An audit in progress, of one history or several. With ``minor``, minor findings are kept too."""

    def __init__(self, *, minor: bool = False, most: int = MOST_FINDINGS, predict_after: int | None = None) -> None:
        self.coverage = Coverage()
        self.streams: set[str] = set()
        """All streams in the histories."""
        self.counts: Counter[Verdict] = Counter()
        """Findings by verdict, without those that only follow from another."""
        self.consequences: Counter[tuple[str, int]] = Counter()
        """How many findings only follow from each first cause, by its source and position; for a limited number."""
        self.consequence_count = 0
        """How many findings only follow from another."""
        self.spans: dict[str, tuple[EventPlace, EventPlace]] = {}
        """The first and the last event of each ledger."""
        self.watching = Watching()
        """Which time of each host was watched."""
        self.minor = minor
        self.most = most
        self.predict_after = predict_after
        """After so many events, changes of which the rules write the same lines are not judged event by event.

        ``None`` is as soon as it pays.
        """
        self._violated = False
        self._main: list[KeptFinding] = []
        self._rest: list[KeptFinding] = []
        self._shared: dict[tuple[str, str, str], KeptFinding] = {}
        """What events share, by ledger, rule and reason: all of it is kept, so that parts can be merged."""
        self._number = 0
        self._sources: dict[str, int] = {}

    def judge(
        self,
        events: Iterable[PlacedEvent],
        judge: Judge,
        source: str,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        """Judges a history; ``on_progress`` is called with the number of events so far. Raises as ``events`` does."""
        count, predictor = 0, LinePredictor(judge, self.predict_after)
        with reduced_garbage_collection():
            for batch in events.in_batches(predictor) if isinstance(events, LineEvents) else in_batches(events):
                for envelope, place, named_source in batch:
                    for finding in judge.take(envelope, place, named_source):
                        self.add(finding, source)
                    self.streams.add(envelope.stream)
                    self.watching.take(envelope)
                count += len(batch)
                places = [*map(_place_of, batch), *predictor.take_last()]
                if places:
                    self._widen_span(source, places)
                    if on_progress is not None:
                        on_progress(count + predictor.passed)

    def finish(self, judge: Judge, source: str, conflicts: Iterable[Conflict] = ()) -> None:
        """Ends a history: adds what is found at its end and between its files, and how often each rule was checked."""
        for conflict in conflicts:
            judge.report_conflict(conflict.judged, conflict.other)
        for finding in judge.finish():
            self.add(finding, source)
        self._add_coverage(judge.coverage)

    def merge(self, parts: Iterable[Audit]) -> None:
        """Adds the audits of parts of one history, whatever their order: they come to the audit of the whole."""
        for part in parts:
            self._add_coverage(part.coverage)
            self._violated = self._violated or part._violated
            self.consequence_count += part.consequence_count
            self.streams |= part.streams
            self.watching.merge(part.watching)
            for source, places in part.spans.items():
                self._widen_span(source, places)
            self.counts.update(part.counts)
            for cause, count in part.consequences.items():
                self._count_consequences(cause, count)
            for sourced in part.kept_findings:
                self.keep(sourced)

    def _widen_span(self, source: str, places: Sequence[EventPlace]) -> None:
        known = [*self.spans.get(source, ()), *places]
        self.spans[source] = min(known), max(known)

    def _add_coverage(self, coverage: Coverage) -> None:
        self.coverage.events += coverage.events
        self.coverage.matched |= coverage.matched
        for rule, part in coverage.rules.items():
            total = self.coverage.rules.setdefault(rule, RuleCoverage())
            total.holds += part.holds
            total.violated += part.violated
            total.unknown += part.unknown
            total.remarks += part.remarks

    def add(self, finding: Finding, source: str) -> None:
        """Adds a finding."""
        self._violated = self._violated or finding.verdict is Verdict.VIOLATED
        if finding.follows is None:
            self.counts[finding.verdict] += 1
        else:
            self.consequence_count += 1
            self._count_consequences((source, finding.follows), 1)
        self.keep(SourcedFinding(finding, source))

    def _count_consequences(self, cause: tuple[str, int], count: int) -> None:
        """Counts what follows from a first cause. Of too many causes, those are kept that come first."""
        self.consequences[cause] += count
        if len(self.consequences) > self.most:
            del self.consequences[max(self.consequences, key=self._cause_order)]

    def _cause_order(self, cause: tuple[str, int]) -> tuple[int, int]:
        return self._source_order(cause[0]), cause[1]

    def _source_order(self, source: str) -> int:
        """The number of a ledger, in the order in which their histories are judged."""
        return self._sources.setdefault(source, len(self._sources))

    def keep(self, sourced: SourcedFinding) -> None:
        """Keeps a finding that is requested; of too many, those that come first, and all that events share."""
        finding, self._number = sourced.finding, self._number + 1
        position, order = _position_of(finding), self._source_order(sourced.source)
        if finding.shared:
            reason = sourced.source, finding.rule, finding.why
            known = self._shared.get(reason)
            if known is not None:
                finding = combine_shared(known[2].finding, finding)
                sourced, position = replace(sourced, finding=finding), _position_of(finding)
                self.counts[finding.verdict] -= 1
            key: FindingOrder = order, True, position, 0, finding.rule, finding.why
            self._shared[reason] = key, self._number, sourced
        elif self.minor or not is_minor(finding):
            kept = self._rest if is_minor(finding) else self._main
            key = order, False, position, self._number, "", ""
            if len(kept) < self.most or key < kept[-1][0]:
                insort(kept, (key, self._number, sourced), key=_order_of)
                del kept[self.most :]

    @property
    def findings(self) -> list[SourcedFinding]:
        """The findings that are kept, in the order of their events; those that events share come last.

        First causes are kept before what follows from them.
        """
        return [sourced for _, _, sourced in sorted(self._kept, key=_order_of)]

    def newest_findings(self, after: int) -> tuple[list[SourcedFinding], int]:
        """The findings that were kept after so many, in the order in which they were made; and how many there are."""
        made = sorted(self._kept, key=lambda kept: kept[1])
        return [sourced for _, number, sourced in made if number > after], self._number

    @property
    def kept_findings(self) -> list[SourcedFinding]:
        """All findings that are kept, in the order in which they were made: more than ``findings`` may be."""
        kept = sorted([*self._main, *self._rest, *self._shared.values()], key=lambda kept: kept[1])
        return [sourced for _, _, sourced in kept]

    @property
    def _kept(self) -> list[KeptFinding]:
        main = sorted([*self._main, *self._shared.values()], key=_order_of)[: self.most]
        return [*main, *self._rest[: self.most - len(main)]]

    @property
    def requested(self) -> int:
        """The number of requested findings, kept or not."""
        main = self.counts.total() - self.counts[Verdict.REMARK]
        return main + (self.counts[Verdict.REMARK] + self.consequence_count if self.minor else 0)

    @property
    def left_out(self) -> int:
        """The number of requested findings that are not kept, because there are too many."""
        return self.requested - len(self.findings)

    @property
    def verdict(self) -> Verdict:
        """Violated if anything is, else unknown if anything is or if nothing was checked, else holds."""
        return self._verdict_on(self.coverage)

    def verdict_so_far(self, judge: Judge) -> Verdict:
        """The verdict on a history that goes on."""
        return self._verdict_on(judge.coverage)

    def _verdict_on(self, coverage: Coverage) -> Verdict:
        rules = coverage.rules.values()
        if self._violated or self.counts[Verdict.VIOLATED] or any(rule.violated for rule in rules):
            return Verdict.VIOLATED
        if self.counts[Verdict.UNKNOWN] or any(rule.unknown for rule in rules):
            return Verdict.UNKNOWN
        return Verdict.HOLDS if any(rule.holds for rule in rules) else Verdict.UNKNOWN

    @property
    def nothing_checked(self) -> bool:
        """Whether no rule applied to any event."""
        return not self._violated and not any(map(self.was_checked, self.coverage.rules))

    def was_checked(self, rule: str) -> bool:
        """Whether a rule applied to any event."""
        coverage = self.coverage.rules.get(rule)
        return coverage is not None and coverage.applicable > 0

    def is_unknown(self, rule: str) -> bool:
        """Whether a rule could not be checked for every event."""
        coverage = self.coverage.rules.get(rule)
        return coverage is not None and coverage.unknown > 0
