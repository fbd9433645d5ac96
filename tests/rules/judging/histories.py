"""Histories for the judge: decided by the real decider, as envelopes, and tampered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from domain.deciding.answer import Answer
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import Event
from domain.identifiers import UtcTime
from rules.judging.findings import Coverage, Finding, Verdict
from rules.judging.judge import Judge
from rules.judging.scope import EVERYTHING, Scope
from tests.domain.world import World
from tests.oracle.shapes import Line
from tests.oracle.strategies import Chooser, next_line

Told = Envelope[Event]
BEGINNING = datetime(2026, 11, 23, 9)

E = TypeVar("E", bound=Event)


def moment(seconds: float) -> UtcTime:
    """So many seconds after the beginning."""
    return UtcTime(f"{(BEGINNING + timedelta(seconds=seconds)).isoformat(timespec='microseconds')}Z")


class Scribe:
    """Decides lines in a world, and keeps what was recorded as a ledger would."""

    def __init__(self) -> None:
        self.world = World()
        self.told: list[Told] = []
        self._versions: dict[str, int] = {}

    def ask(self, line: Line) -> None:
        """Decides one line; an input error leaves nothing."""
        try:
            answer = self.world.ask(line)
        except InputError:
            return
        self.write(answer)

    def write(self, answer: Answer) -> None:
        """Writes the events of an answer, as one change."""
        number, root = len(self.told), None
        for stream, event in answer.events:
            version = self._versions[stream] = self._versions.get(stream, 0) + 1
            at = moment(number)
            metadata = Metadata("anna", "nilo", at, at, f"change {number}", None, None, root)
            envelope = Envelope(stream, version, event, metadata, len(self.told) + 1)
            root = root or envelope.id
            self.told.append(envelope)


def history(*lines: Line) -> list[Told]:
    """What is recorded of these lines."""
    scribe = Scribe()
    for line in lines:
        scribe.ask(line)
    return scribe.told


def random_history(chooser: Chooser, lines: int) -> list[Told]:
    """What is recorded of so many random lines."""
    scribe = Scribe()
    for _ in range(lines):
        scribe.ask(next_line(chooser, scribe.world.snapshot()))
    return scribe.told


def judged(told: Iterable[Told], scope: Scope = EVERYTHING, source: str = "") -> tuple[list[Finding], Coverage]:
    """The findings in a history, and the account of what was asked."""
    judge, found = Judge(scope), list[Finding]()
    for line, envelope in enumerate(told, start=1):
        found += judge.take(envelope, f"history.jsonl:{line}", source)
    return found + judge.finish(), judge.coverage


def violations(told: Iterable[Told]) -> list[Finding]:
    """What is found wrong in a history."""
    return [each for each in judged(told)[0] if each.verdict is Verdict.VIOLATED]


def causes(told: Iterable[Told]) -> list[tuple[str, int | None]]:
    """The rules that are found broken and the positions, without what only follows from another."""
    return [(each.rule, each.at.position) for each in violations(told) if each.follows is None]


def last(told: Sequence[Told], kind: type[E]) -> int:
    """The index of the last event of a kind."""
    return max(index for index, each in enumerate(told) if isinstance(each.event, kind))


def tampered(told: Sequence[Told], index: int, change: Callable[[Any], Event]) -> list[Told]:
    """The same history with another event in one place."""
    changed = list(told)
    changed[index] = replace(told[index], event=change(told[index].event))
    return changed


def said(told: Sequence[Told], index: int, **metadata: Any) -> list[Told]:
    """The same history with something else said of one event."""
    changed = list(told)
    changed[index] = replace(told[index], metadata=replace(told[index].metadata, **metadata))
    return changed


def renumbered(told: Iterable[Told]) -> list[Told]:
    """Events with the positions and versions that they should have in this order."""
    versions: dict[str, int] = {}
    result: list[Told] = []
    for position, each in enumerate(told, start=1):
        version = versions[each.stream] = versions.get(each.stream, 0) + 1
        result.append(replace(each, position=position, version=version))
    return result
