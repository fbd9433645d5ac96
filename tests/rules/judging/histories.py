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

Recorded = Envelope[Event]
BEGINNING = datetime(2026, 11, 23, 9)

E = TypeVar("E", bound=Event)


def moment(seconds: float) -> UtcTime:
    """So many seconds after the beginning."""
    return UtcTime(f"{(BEGINNING + timedelta(seconds=seconds)).isoformat(timespec='microseconds')}Z")


class Scribe:
    """Decides lines in a world, and keeps what was recorded as a ledger would."""

    def __init__(self) -> None:
        self.world = World()
        self.envelopes: list[Recorded] = []
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
        number, root = len(self.envelopes), None
        for stream, event in answer.events:
            version = self._versions[stream] = self._versions.get(stream, 0) + 1
            at = moment(number)
            metadata = Metadata("anna", "nilo", at, at, f"change {number}", None, None, root)
            envelope = Envelope(stream, version, event, metadata, len(self.envelopes) + 1)
            root = root or envelope.id
            self.envelopes.append(envelope)


def history(*lines: Line) -> list[Recorded]:
    """What is recorded of these lines."""
    scribe = Scribe()
    for line in lines:
        scribe.ask(line)
    return scribe.envelopes


def random_history(chooser: Chooser, lines: int) -> list[Recorded]:
    """What is recorded of so many random lines."""
    scribe = Scribe()
    for _ in range(lines):
        scribe.ask(next_line(chooser, scribe.world.snapshot()))
    return scribe.envelopes


def judged(
    envelopes: Iterable[Recorded], scope: Scope = EVERYTHING, source: str = ""
) -> tuple[list[Finding], Coverage]:
    """The findings in a history, and its coverage."""
    judge, found = Judge(scope), list[Finding]()
    for line, envelope in enumerate(envelopes, start=1):
        found += judge.take(envelope, f"history.jsonl:{line}", source)
    return found + judge.finish(), judge.coverage


def violations(envelopes: Iterable[Recorded]) -> list[Finding]:
    """What is found wrong in a history."""
    return [finding for finding in judged(envelopes)[0] if finding.verdict is Verdict.VIOLATED]


def causes(envelopes: Iterable[Recorded]) -> list[tuple[str, int | None]]:
    """The rules that are found broken and the positions, without what only follows from another."""
    return [(finding.rule, finding.at.position) for finding in violations(envelopes) if finding.follows is None]


def last(envelopes: Sequence[Recorded], kind: type[E]) -> int:
    """The index of the last event of a kind."""
    return max(index for index, envelope in enumerate(envelopes) if isinstance(envelope.event, kind))


def tampered(envelopes: Sequence[Recorded], index: int, change: Callable[[Any], Event]) -> list[Recorded]:
    """The same history with another event in one place."""
    changed = list(envelopes)
    changed[index] = replace(envelopes[index], event=change(envelopes[index].event))
    return changed


def with_metadata(envelopes: Sequence[Recorded], index: int, **metadata: Any) -> list[Recorded]:
    """The same history with other metadata of one event."""
    changed = list(envelopes)
    changed[index] = replace(envelopes[index], metadata=replace(envelopes[index].metadata, **metadata))
    return changed


def renumbered(envelopes: Iterable[Recorded]) -> list[Recorded]:
    """Events with the positions and versions that they should have in this order."""
    versions: dict[str, int] = {}
    result: list[Recorded] = []
    for position, envelope in enumerate(envelopes, start=1):
        version = versions[envelope.stream] = versions.get(envelope.stream, 0) + 1
        result.append(replace(envelope, position=position, version=version))
    return result
