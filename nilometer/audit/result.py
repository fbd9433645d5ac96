"""The result of an audit: the findings that are kept, counts of all others, and one verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from nilometer.audit.reading import Conflict
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from projections.watching import Watching
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


class Audit:
    """An audit in progress, of one history or several. With ``minor``, minor findings are kept too."""

    def __init__(self, *, minor: bool = False, most: int = MOST_FINDINGS) -> None:
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
        self._violated = False
        self._main: list[tuple[int, SourcedFinding]] = []
        self._rest: list[tuple[int, SourcedFinding]] = []
        self._number = 0

    def judge(
        self,
        events: Iterable[PlacedEvent],
        judge: Judge,
        source: str,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        """Judges a history; ``on_progress`` is called with the number of events so far. Raises as ``events`` does."""
        count = 0
        with reduced_garbage_collection():
            for batch in in_batches(events):
                for envelope, place, named_source in batch:
                    for finding in judge.take(envelope, place, named_source):
                        self.add(finding, source)
                    self.streams.add(envelope.stream)
                    self.watching.take(envelope)
                count += len(batch)
                self._widen_span(source, [_place_of(batch[0]), _place_of(batch[-1])])
                if on_progress is not None:
                    on_progress(count)

    def finish(self, judge: Judge, source: str, conflicts: Iterable[Conflict] = ()) -> None:
        """Ends a history: adds what is found at its end and between its files, and how often each rule was checked."""
        for conflict in conflicts:
            judge.report_conflict(conflict.judged, conflict.other)
        for finding in judge.finish():
            self.add(finding, source)
        self._add_coverage(judge.coverage)

    def merge(self, parts: Iterable[Audit]) -> None:
        """Adds the audits of parts of one history, with their findings in the order of its events."""
        findings = list[tuple[int, SourcedFinding]]()
        for part in parts:
            self._add_coverage(part.coverage)
            self._violated = self._violated or part._violated
            self.consequence_count += part.consequence_count
            self.streams |= part.streams
            self.watching.merge(part.watching)
            for source, places in part.spans.items():
                self._widen_span(source, places)
            self.counts.update(part.counts)
            self.consequences.update(part.consequences)
            findings += [*part._main, *part._rest]
        for _, sourced in sorted(findings, key=lambda pair: (pair[1].finding.at.position or 0, pair[0])):
            self._keep(sourced)

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
            cause = source, finding.follows
            if cause in self.consequences or len(self.consequences) < self.most:
                self.consequences[cause] += 1
        if self.minor or not is_minor(finding):
            self._keep(SourcedFinding(finding, source))

    def _keep(self, sourced: SourcedFinding) -> None:
        self._number += 1
        kept = self._rest if is_minor(sourced.finding) else self._main
        if len(kept) < self.most:
            kept.append((self._number, sourced))

    @property
    def findings(self) -> list[SourcedFinding]:
        """The findings that are kept, in order. First causes are kept before what follows from them."""
        rest = self._rest[: max(0, self.most - len(self._main))]
        return [sourced for _, sourced in sorted([*self._main, *rest], key=lambda numbered: numbered[0])]

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
        if self._violated or any(rule.violated for rule in rules):
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
