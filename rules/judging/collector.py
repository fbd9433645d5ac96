"""The docket: counts what was asked of each rule, and keeps what was found until it is handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from domain.envelope import Envelope
from domain.events import Event
from rules.judging.findings import NOTHING, Account, At, Figures, Finding, Verdict
from rules.judging.scope import Scope

Where = tuple[Envelope[Event], str]
"""An event, and the ``file:line`` that it was read from."""
Differ = tuple[Figures, Figures]
"""The figures that a rule asks for, and the same as they were found."""


class Docket:
    """Verdicts on one history, of the rules and events that are asked about."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.everything = scope.everything
        self.account = Account()
        self.asked = True
        """Whether the event that is judged is asked about."""
        self.named: set[str] = set()
        """The rules of which something else than that they hold was said of the change that is judged."""
        self._causes: dict[int, int | None] = {}
        """Where not all is asked about: by the position of a first cause, what stands for it; itself if ``None``."""
        self._found: list[Finding] = []
        self._clean: dict[tuple[str, str], int] = {}
        self._unknown: dict[tuple[str, str], tuple[Where, int]] = {}

    def ask(self, where: Where, host: str | None) -> None:
        """The event that is judged from now on; ``host`` is where its VM is."""
        if self.everything:
            return
        envelope = where[0]
        self.asked = self.scope.takes(envelope.stream, host, envelope.metadata.happened)

    def drain(self) -> list[Finding]:
        """What was found since the last time."""
        found = self._found
        if found:
            self._found = []
        return found

    def wants(self, rule: str) -> bool:
        """Whether a rule is asked about."""
        return not self.scope.rules or rule in self.scope.rules

    def holds(self, rule: str, times: int = 1) -> None:
        """A rule holds of the event, or of so many."""
        if times and self.asked and self.wants(rule):
            self.account.count(rule, Verdict.HOLDS, times)

    def unknown(self, rule: str, where: Where, why: str, times: int = 1) -> None:
        """Nobody measured what a rule asks for. All events that this is so of for one reason are told once."""
        self.named.add(rule)
        if times and self.asked and self.wants(rule):
            self.account.count(rule, Verdict.UNKNOWN, times)
            first, count = self._unknown.get((rule, why), (where, 0))
            self._unknown[rule, why] = first, count + times

    def lost(self, rule: str, where: Where, why: str, times: int) -> None:
        """What is unknown for good, and is told by itself."""
        if self.asked and self.wants(rule):
            self.account.count(rule, Verdict.UNKNOWN, times)
            self._found.append(Finding(rule, Verdict.UNKNOWN, at_of(*where), why, count=times))

    def remark(self, rule: str, where: Where, why: str, differ: Differ = (NOTHING, NOTHING), **told: Any) -> None:
        """Something to look at, and no violation."""
        self.find(Verdict.REMARK, rule, where, why, differ, **told)

    def finish(self) -> None:
        """Hands out what was unknown."""
        for (rule, why), (where, count) in self._unknown.items():
            self._found.append(Finding(rule, Verdict.UNKNOWN, at_of(*where), why, count=count))
        self._unknown.clear()

    def others(self, rules: Iterable[str]) -> None:
        """Of these rules, those hold of the change of which nothing else was said."""
        for rule in rules:
            if rule not in self.named:
                self.holds(rule)

    def clean(self, kind: tuple[str, str]) -> None:
        """All rules that speak of this kind of event hold of it. Which they are is asked once, at the end."""
        if self.asked:
            self._clean[kind] = self._clean.get(kind, 0) + 1

    def settle(self, rules_of: Callable[[tuple[str, str]], Iterable[str]]) -> None:
        """Counts what was only noted as clean."""
        for kind, times in self._clean.items():
            for rule in rules_of(kind):
                if self.wants(rule):
                    self.account.count(rule, Verdict.HOLDS, times)
        self._clean.clear()

    def violated(
        self,
        rule: str,
        where: Where,
        why: str,
        differ: Differ = (NOTHING, NOTHING),
        *,
        let: Figures = NOTHING,
        then: str = "",
        follows: int | None = None,
    ) -> None:
        """A rule is broken."""
        self.find(Verdict.VIOLATED, rule, where, why, differ, let=let, then=then, follows=follows)

    def find(
        self,
        verdict: Verdict,
        rule: str,
        where: Where,
        why: str,
        differ: Differ = (NOTHING, NOTHING),
        *,
        let: Figures = NOTHING,
        then: str = "",
        follows: int | None = None,
    ) -> None:
        """A verdict that an auditor should see."""
        if verdict is Verdict.VIOLATED:
            self.named.add(rule)
        if self.asked and self.wants(rule):
            self.account.count(rule, verdict)
            if not self.everything:
                follows = self._told_of(where[0].position, follows)
            self._found.append(Finding(rule, verdict, at_of(*where), why, *differ, let, then, follows))

    def _told_of(self, position: int, follows: int | None) -> int | None:
        """The first cause of a finding, where that is asked about; else the first that followed from it stands for it.

        Nobody would see what only follows from something that is not shown.
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


def at_of(envelope: Envelope[Event], place: str) -> At:
    """Where a finding about an event points to."""
    record = getattr(envelope.event, "record", None)
    return At(envelope.stream, envelope.position, envelope.metadata.happened, place, record)
