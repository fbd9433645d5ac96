"""What an audit comes to: the findings that are kept, the rest counted, and one verdict on all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from nilometer.audit.reading import Placed
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from rules.judging.findings import Coverage, Finding, RuleCoverage, Verdict
from rules.judging.judge import Judge

KEPT: Final = 10_000
"""So many findings are kept to be shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and the ledger that its history names as its source."""

    finding: Finding
    source: str


def is_minor(finding: Finding) -> bool:
    """Whether a finding only follows from another, or is a remark: shown only where all is asked for."""
    return finding.follows is not None or finding.verdict is Verdict.REMARK


class Audit:
    """An audit so far, of one history or several. With ``minor`` what only follows, and remarks, are kept too."""

    def __init__(self, *, minor: bool = False, kept: int = KEPT) -> None:
        self.coverage = Coverage()
        self.streams: set[str] = set()
        """All that the histories speak of."""
        self.counted: Counter[Verdict] = Counter()
        """Findings by verdict, without those that only follow from another."""
        self.following: Counter[tuple[str, int]] = Counter()
        """How many findings only follow, by the source and position of their first cause; of so many as are kept."""
        self.followed = 0
        """How many findings only follow from another."""
        self._violated = False
        self.minor = minor
        self.most = kept
        self._main: list[tuple[int, Found]] = []
        self._rest: list[tuple[int, Found]] = []
        self._number = 0

    def judge(
        self, events: Iterable[Placed], judge: Judge, source: str, at: Callable[[int], None] | None = None
    ) -> None:
        """Has a history judged; ``at`` is told now and then how many events that were. Raises as ``events`` does."""
        count = 0
        with reduced_garbage_collection():
            for some in in_batches(events):
                for envelope, place, of in some:
                    for finding in judge.take(envelope, place, of):
                        self.add(finding, source)
                    self.streams.add(envelope.stream)
                count += len(some)
                if at is not None:
                    at(count)

    def finish(self, judge: Judge, source: str) -> None:
        """A history ends here: what is found at its end, and how often each rule was asked."""
        for finding in judge.finish():
            self.add(finding, source)
        self._count(judge.coverage)

    def join(self, parts: Iterable[Audit]) -> None:
        """Takes what others found in parts of one history, in the order of its events."""
        found = list[tuple[int, Found]]()
        for part in parts:
            self._count(part.coverage)
            self._violated = self._violated or part._violated
            self.followed += part.followed
            self.streams |= part.streams
            self.counted.update(part.counted)
            self.following.update(part.following)
            found += [*part._main, *part._rest]
        for _, each in sorted(found, key=lambda pair: (pair[1].finding.at.position or 0, pair[0])):
            self._keep(each)

    def _count(self, coverage: Coverage) -> None:
        self.coverage.events += coverage.events
        for rule, part in coverage.rules.items():
            total = self.coverage.rules.setdefault(rule, RuleCoverage())
            total.holds += part.holds
            total.violated += part.violated
            total.unknown += part.unknown
            total.remarks += part.remarks

    def add(self, finding: Finding, source: str) -> None:
        """One more finding."""
        self._violated = self._violated or finding.verdict is Verdict.VIOLATED
        if finding.follows is None:
            self.counted[finding.verdict] += 1
        else:
            self.followed += 1
            cause = source, finding.follows
            if cause in self.following or len(self.following) < self.most:
                self.following[cause] += 1
        if self.minor or not is_minor(finding):
            self._keep(Found(finding, source))

    def _keep(self, found: Found) -> None:
        self._number += 1
        kept = self._rest if is_minor(found.finding) else self._main
        if len(kept) < self.most:
            kept.append((self._number, found))

    @property
    def findings(self) -> list[Found]:
        """Those that are kept, in their order. First causes are kept before what follows from them."""
        rest = self._rest[: max(0, self.most - len(self._main))]
        return [found for _, found in sorted([*self._main, *rest], key=lambda each: each[0])]

    @property
    def wanted(self) -> int:
        """How many findings there are that are asked for, kept or not."""
        main = self.counted.total() - self.counted[Verdict.REMARK]
        return main + (self.counted[Verdict.REMARK] + self.followed if self.minor else 0)

    @property
    def left_out(self) -> int:
        """How many findings are asked for and not kept, because there are too many."""
        return self.wanted - len(self.findings)

    @property
    def verdict(self) -> Verdict:
        """The verdict on all: one violation counts more than what is unknown, and that more than what holds."""
        rules = self.coverage.rules.values()
        if self._violated or any(each.violated for each in rules):
            return Verdict.VIOLATED
        if self.counted[Verdict.UNKNOWN] or any(each.unknown for each in rules):
            return Verdict.UNKNOWN
        return Verdict.HOLDS

    def is_unknown(self, rule: str) -> bool:
        """Whether a rule could not be checked everywhere."""
        coverage = self.coverage.rules.get(rule)
        return coverage is not None and coverage.unknown > 0
