"""Checks that a history is complete: every position and every version once, in order, all from one ledger.

An early event is kept until its place comes; a repeated event is not judged again; after a gap the reading goes on
from the events that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from domain.envelope import Envelope
from domain.events import Event
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.descriptions import HISTORY_IS_WHOLE
from rules.judging.findings import Difference, Figure

IN_PLACE: Final = (HISTORY_IS_WHOLE, "")
"""The kind under which an event in its place is counted as clean."""
MOST_EARLY: Final = 100
"""Early events kept at most; with more, the events before them are taken as missing."""


class PlacedEvent(NamedTuple):
    """An event with the place where it was read."""

    envelope: Envelope[Event]
    place: str
    """``file:line``; empty for an event of a ledger."""
    source: str
    """The ledger that the event names as its source."""


class Completeness:
    """The places of the events read so far. If not ``alone``, other judges read the events in between."""

    def __init__(
        self, collector: FindingCollector, is_in_scope: Callable[[Envelope[Event]], bool], *, alone: bool = True
    ) -> None:
        self._collector = collector
        self._is_in_scope = is_in_scope
        self._alone = alone
        self._position = 0
        self._source = ""
        self._versions: dict[str, int] = {}
        self._early: dict[int, PlacedEvent] = {}
        """Events whose place is still to come."""
        self._undecided = False
        """Whether the last event kept may be early, or the events before it may be missing."""
        self.gap: int | None = None
        """The position of the last event before which events are missing."""
        self.missing: bool = False
        """Whether events of the stream are missing directly before the last event that was returned."""

    def accept(self, envelope: Envelope[Event], source: str) -> bool:
        """Accepts an event if it is the very next one, as nearly all are, and returns whether it is."""
        if not self._source:
            self._source = source
        stream, version, position = envelope.stream, envelope.version, envelope.position
        if source != self._source or not self.is_next(stream, version, position):
            return False
        if not self._collector.everything:
            self._enter(EventRef(envelope, ""))
        self.pass_next(stream, version, position)
        return True

    @property
    def source(self) -> str:
        """The ledger that the events so far name as their source; empty before the first."""
        return self._source

    def version_of(self, stream: str) -> int:
        """The version of the last event of a stream; 0 before the first."""
        return self._versions.get(stream, 0)

    def is_next(self, stream: str, version: int, position: int) -> bool:
        """Whether an event at this place is the very next one."""
        in_place = position == self._position + 1 if self._alone else position > self._position
        return in_place and version == self._versions.get(stream, 0) + 1 and not self._early

    def pass_next(self, stream: str, version: int, position: int) -> None:
        """Counts the very next event, which is at this place."""
        self._position, self._versions[stream], self.missing = position, version, False
        self._collector.count_clean(IN_PLACE)

    def put_in_order(self, envelope: Envelope[Event], place: str, source: str) -> Iterator[PlacedEvent]:
        """Takes an event that is not simply the next one; yields the events to be judged now, in order."""
        position = envelope.position
        if position == self._position + 1 and not self._early:
            yield from self._take(PlacedEvent(envelope, place, source))
            return
        if self._undecided:
            self._undecided = False
            if position != self._position + 1:  # it was not early: the events before it are missing
                yield from self._skip_gap()
        if position > self._position + 1 and position not in self._early:
            why = "the event comes too early, or the events before it are missing"
            if not self._position:
                why = f"{why}: if they are in an earlier file, give the earlier file too"
            self._report_position(EventRef(envelope, place), why)
            self.gap = position
            self._early[position] = PlacedEvent(envelope, place, source)
            self._undecided = True
            if len(self._early) > MOST_EARLY:
                yield from self._skip_gap()
            return
        yield from self._take(PlacedEvent(envelope, place, source))
        yield from self._take_early()

    def finish(self) -> Iterator[PlacedEvent]:
        """Yields the events that are still kept when the history ends."""
        while self._early:
            yield from self._skip_gap()

    def _take_early(self) -> Iterator[PlacedEvent]:
        while (early := self._early.pop(self._position + 1, None)) is not None:
            yield from self._take(early)

    def _skip_gap(self) -> Iterator[PlacedEvent]:
        self._position = min(self._early) - 1
        yield from self._take_early()

    def _report_position(self, ref: EventRef, why: str) -> None:
        self._enter(ref)
        difference = _difference("position", self._position + 1, ref.envelope.position)
        self._collector.report_violation(HISTORY_IS_WHOLE, ref, why, difference)

    def _enter(self, ref: EventRef) -> None:
        self._collector.in_scope = self._collector.everything or self._is_in_scope(ref.envelope)

    def _take(self, placed: PlacedEvent) -> Iterator[PlacedEvent]:
        collector, envelope = self._collector, placed.envelope
        ref = EventRef(envelope, placed.place)
        stream, version, before = envelope.stream, envelope.version, self._versions.get(envelope.stream, 0)
        self._enter(ref)
        in_place, follows = True, None
        if placed.source != self._source:
            if self._source:
                in_place = False
                why = "the event belongs to another ledger than the events before it"
                difference = _difference("source", self._source, placed.source)
                collector.report_violation(HISTORY_IS_WHOLE, ref, why, difference)
            self._source = placed.source
        if envelope.position != self._position + 1:
            in_place, follows = False, envelope.position
            repeated = envelope.position == self._position
            self._report_position(ref, "the position occurs twice" if repeated else "the event comes after later ones")
        self._position = max(self._position, envelope.position)
        self.missing = version > before + 1
        if version != before + 1:
            in_place = False
            why = "events of this stream are missing" if self.missing else "an event of this version was read before"
            follows = self.gap if follows is None and self.missing else follows
            difference = _difference("version", before + 1, version)
            collector.report_violation(HISTORY_IS_WHOLE, ref, why, difference, follows=follows)
        if in_place:
            collector.count_clean(IN_PLACE)
        if version > before:
            self._versions[stream] = version
            yield placed


def _difference(name: str, expected: Figure, found: Figure) -> Difference:
    return {name: expected}, {name: found}
