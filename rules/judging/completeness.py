"""Whether a history is whole: every position and every version once, in order, all of one ledger.

An event that stands before its place is kept until its place comes; one that was there before is not judged again;
after a gap one goes on from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from domain.envelope import Envelope
from domain.events import Event
from rules.judging.collector import Differ, Docket, Where
from rules.judging.descriptions import HISTORY_IS_WHOLE
from rules.judging.findings import Figure

PLACE: Final = (HISTORY_IS_WHOLE, "")
"""The kind of what is asked of the place of every event."""
KEPT_MOST: Final = 100
"""Events kept until their place comes; of more than so many one goes on as if those before them were missing."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it was told: with its place, and the ledger that it is of."""

    envelope: Envelope[Event]
    place: str
    source: str


class Wholeness:
    """The places of the events that were read so far. If not ``alone``, others have those in between."""

    def __init__(
        self, docket: Docket, is_asked_about: Callable[[Envelope[Event]], bool], *, alone: bool = True
    ) -> None:
        self._docket = docket
        self._is_asked_about = is_asked_about
        self._alone = alone
        self._position = 0
        self._source = ""
        self._versions: dict[str, int] = {}
        self._early: dict[int, Told] = {}
        """Events whose place is still to come."""
        self._unsure = False
        """Whether it is still open if the last of them is early, or those before it are missing."""
        self.gap: int | None = None
        """The position of the last event before which some are missing."""
        self.missing: bool = False
        """Whether events of the stream are missing right before the event that was given last."""

    def follows(self, envelope: Envelope[Event], source: str) -> bool:
        """Whether an event is the very next one; then it is taken note of. Nearly all are."""
        versions, stream = self._versions, envelope.stream
        version = versions.get(stream, 0) + 1
        if not self._source:
            self._source = source
        position = envelope.position
        in_place = position == self._position + 1 if self._alone else position > self._position
        if not in_place or envelope.version != version or source != self._source or self._early:
            return False
        self._position, versions[stream], self.missing = position, version, False
        docket = self._docket
        if not docket.everything:
            self._ask((envelope, ""))
        docket.clean(PLACE)
        return True

    def take(self, envelope: Envelope[Event], place: str, source: str) -> Iterator[Told]:
        """The events that are to be judged now, in their order."""
        position = envelope.position
        if position == self._position + 1 and not self._early:
            yield from self._next(Told(envelope, place, source))
            return
        if self._unsure:
            self._unsure = False
            if position != self._position + 1:  # it was no early one: those before it are missing
                yield from self._skip()
        if position > self._position + 1 and position not in self._early:
            why = "the event stands before earlier ones, or these are missing"
            self._misplaced((envelope, place), why)
            self.gap = position
            self._early[position] = Told(envelope, place, source)
            self._unsure = True
            if len(self._early) > KEPT_MOST:
                yield from self._skip()
            return
        yield from self._next(Told(envelope, place, source))
        yield from self._due()

    def finish(self) -> Iterator[Told]:
        """The events that wait for a place which never comes."""
        while self._early:
            yield from self._skip()

    def _due(self) -> Iterator[Told]:
        while (told := self._early.pop(self._position + 1, None)) is not None:
            yield from self._next(told)

    def _skip(self) -> Iterator[Told]:
        """Goes on after a gap."""
        self._position = min(self._early) - 1
        yield from self._due()

    def _misplaced(self, where: Where, why: str) -> None:
        self._ask(where)
        self._docket.violated(HISTORY_IS_WHOLE, where, why, _differ("position", self._position + 1, where[0].position))

    def _ask(self, where: Where) -> None:
        self._docket.asked = self._docket.everything or self._is_asked_about(where[0])

    def _next(self, told: Told) -> Iterator[Told]:
        envelope, docket, where = told.envelope, self._docket, (told.envelope, told.place)
        stream, version, before = envelope.stream, envelope.version, self._versions.get(envelope.stream, 0)
        self._ask(where)
        fine, follows = True, None
        if told.source != self._source:
            if self._source:
                fine = False
                why = "the event is of another ledger than those before it"
                docket.violated(HISTORY_IS_WHOLE, where, why, _differ("source", self._source, told.source))
            self._source = told.source
        if envelope.position != self._position + 1:
            fine, follows = False, envelope.position
            twice = envelope.position == self._position
            self._misplaced(where, "the position is told twice" if twice else "the event stands behind later ones")
        self._position = max(self._position, envelope.position)
        self.missing = version > before + 1
        if version != before + 1:
            fine = False
            why = "events of this stream are missing" if self.missing else "the event of this version was there before"
            follows = self.gap if follows is None and self.missing else follows
            docket.violated(HISTORY_IS_WHOLE, where, why, _differ("version", before + 1, version), follows=follows)
        if fine:
            docket.clean(PLACE)
        if version > before:
            self._versions[stream] = version
            yield told


def _differ(name: str, expected: Figure, found: Figure) -> Differ:
    return {name: expected}, {name: found}
