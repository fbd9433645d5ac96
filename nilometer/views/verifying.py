"""Comparing the stored projections with what the events alone come to."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.aggregates import HistoryError
from domain.errors import NilometerError
from nilometer.errors import UnreadableEvent
from nilometer.storage.reader import ReadEvent
from nilometer.views.catching_up import Pace, Row, in_pages, latest_of, state_row, timeline_row
from nilometer.views.folding import cannot_follow, check_version
from nilometer.views.states import kind_of, write_fleet, write_state
from nilometer.views.tables import (
    ENTRY_COLUMNS,
    SHAPE,
    Events,
    ViewError,
    ViewStore,
    blob,
    checksum,
    number,
    position,
    text,
)
from projections.advancing import advance
from projections.tracked import AnyTracked

STREAMS: Final = "hosts-and-vms"
CHECKPOINTS: Final = "checkpoints"
TIMELINE: Final = "timeline"

_TIMELINE_COLUMNS: Final = ENTRY_COLUMNS.split(", ")
_STREAM_COLUMNS: Final = ("stream", "kind", "version", "removed", "state", "checksum")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether one stored projection is what the events come to."""

    name: str
    equal: bool
    difference: str | None = None
    """The first difference, in words."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay of all events found."""

    events: int
    projections: tuple[Comparison, ...]
    ended: tuple[NilometerError, ...] = ()
    """The events that cannot be read, or cannot follow: what is stored of their streams was not compared after them."""

    @property
    def equal(self) -> bool:
        """All stored projections are what the events come to, as far as they can be read."""
        return all(projection.equal for projection in self.projections)


class Comparer:
    """Replays a ledger beside its stored projections, once. What is remembered does not grow with the history."""

    def __init__(self, store: ViewStore, events: Events, pace: Pace) -> None:
        self._store = store
        self._events = events
        self._pace = pace
        self._states: dict[str, AnyTracked] = {}
        self._latest = ""
        self._checkpoints: set[int] = set()
        self._differences: dict[str, str] = {}
        self._tracking_is_right = True
        self._ended: dict[str, NilometerError] = {}
        self._unreadable: list[NilometerError] = []
        self._count = 0

    def run(self, progress: Callable[[int], None] | None = None) -> Replay:
        """Replays all events; ``progress`` gets each position that is reached."""
        try:
            return self._run(progress)
        except ViewError as error:  # what cannot be read is not what the events come to
            differing = tuple(Comparison(name, False, error.message) for name in (STREAMS, CHECKPOINTS, TIMELINE))
            return Replay(self._count, differing, tuple(self._unreadable))

    def _run(self, progress: Callable[[int], None] | None) -> Replay:
        known, latest, streams = self._stored_streams()
        at = 0
        for page in self._pages(0, known) if known else ():
            rows = {event.position: self._expect_row(event) for event in page}
            self._compare_timeline(at, page[-1].position, rows)
            before, at = at, page[-1].position
            self._count += len(page)
            if self._pace.is_due(before, at):
                self._checkpoints.add(at)
                if not self._ended:
                    self._compare_checkpoint(at)
            if progress is not None:
                progress(at)
        if at != known:
            self._differ(TIMELINE, f"it is at position {known}, and the last event at {at}")
        self._compare_streams(latest, streams)
        if not self._tracking_is_right:
            self._differ(STREAMS, "the checksum of their position is not right")
        self._compare_ends(known)
        for page in self._pages(at, None):  # not taken up yet: only whether they can be
            for event in page:
                self._advance(event)
            self._count += len(page)
            if progress is not None:
                progress(page[-1].position)
        projections = tuple(self._comparison(name) for name in (STREAMS, CHECKPOINTS, TIMELINE))
        return Replay(self._count, projections, tuple(self._unreadable))

    def _pages(self, after: int, upto: int | None) -> Iterator[list[ReadEvent]]:
        """Events in pages, each ending where a checkpoint is due; also those that cannot be read."""
        return in_pages(self._events(after, upto), after, self._pace)

    def _expect_row(self, event: ReadEvent) -> Row | None:
        """The row that the timeline should have of an event; ``None`` if that cannot be said."""
        tracked = self._advance(event)
        if isinstance(event, UnreadableEvent) or event.stream in self._ended:
            return None
        return timeline_row(event, tracked)

    def _advance(self, event: ReadEvent) -> AnyTracked | None:
        if isinstance(event, UnreadableEvent):
            self._ended.setdefault(event.stream, event)
            self._unreadable.append(event)
            return None
        self._latest = latest_of([event], self._latest)
        if event.stream in self._ended:
            return None
        try:
            before = self._states.get(event.stream)
            check_version(event, None if before is None else before.subject.version)
            return advance(self._states, event)
        except HistoryError as error:
            found = cannot_follow(event, error)
            self._ended[event.stream] = found
            self._unreadable.append(found)
            return None

    def _stored_streams(self) -> tuple[int, str, list[Row]]:
        with self._store.transaction(write=False) as db:
            if position(db) is None:
                return 0, "", []
            rows = db.execute(
                "SELECT t.position, t.latest, t.checksum, s.stream, s.kind, s.version, s.removed, s.state, s.checksum "
                "FROM view_tracking t LEFT JOIN view_streams s ON 1 = 1 WHERE t.name = ?",
                (SHAPE,),
            ).fetchall()
        if not rows:
            return 0, "", []
        at, latest = number(rows[0][0]), text(rows[0][1])
        self._tracking_is_right = rows[0][2] == checksum(at, latest)
        return at, latest, [tuple(row[3:]) for row in rows if row[3] is not None]

    def _compare_streams(self, latest: str, stored: Sequence[Row]) -> None:
        if latest != self._latest and not self._ended:
            self._differ(STREAMS, f"the latest event happened {self._latest}, stored is {latest}")
        found = {str(row[0]): row for row in stored}
        for stream in sorted((found.keys() | self._states.keys()) - self._ended.keys()):
            tracked = self._states.get(stream)
            expected = None if tracked is None else state_row(stream, tracked)
            self._compare_rows(STREAMS, stream, _STREAM_COLUMNS, found.get(stream), expected)

    def _compare_timeline(self, after: int, upto: int, expected: Mapping[int, Row | None]) -> None:
        with self._store.transaction(write=False) as db:
            rows = db.execute(
                f"SELECT {ENTRY_COLUMNS} FROM view_timeline WHERE position > ? AND position <= ? ORDER BY position",
                (after, upto),
            ).fetchall()
        if [tuple(row) for row in rows] == list(expected.values()):
            return
        stored = {number(row[0]): tuple(row) for row in rows}
        for at in sorted(stored.keys() | expected.keys()):
            if at not in expected or expected[at] is not None:
                self._compare_rows(TIMELINE, f"position {at}", _TIMELINE_COLUMNS, stored.get(at), expected.get(at))

    def _compare_checkpoint(self, at: int) -> None:
        with self._store.transaction(write=False) as db:
            row = db.execute(
                "SELECT latest, fleet, checksum FROM view_checkpoints WHERE position = ?", (at,)
            ).fetchone()
        there = (stream for stream in self._states if not self._states[stream].subject.removed)
        expected = write_fleet(
            (stream, kind_of(self._states[stream]), write_state(self._states[stream])) for stream in there
        )
        if row is None:
            self._differ(CHECKPOINTS, f"the one at position {at} is missing")
        elif row[0] != self._latest or _unpacked(blob(row[1])) != _unpacked(expected):
            self._differ(CHECKPOINTS, f"the one at position {at} is not what the events come to")
        elif row[2] != checksum(at, self._latest, blob(row[1])):
            self._differ(CHECKPOINTS, f"the checksum of the one at position {at} is not right")

    def _compare_ends(self, known: int) -> None:
        """Nothing may be stored of events that were not taken up, and no checkpoint where none was due."""
        with self._store.transaction(write=False) as db:
            if position(db) is None:
                return
            beyond = db.execute(
                "SELECT MIN(v.position) FROM view_timeline v JOIN view_tracking t "
                "ON v.position > t.position OR v.position < 1 WHERE t.name = ?",
                (SHAPE,),
            ).fetchone()
            checkpoints = [number(row[0]) for row in db.execute("SELECT position FROM view_checkpoints")]
        if beyond is not None and beyond[0] is not None:
            self._differ(TIMELINE, f"position {beyond[0]} does not belong there")
        # others may have written later ones meanwhile
        for at in sorted(at for at in checkpoints if at <= known and at not in self._checkpoints):
            self._differ(CHECKPOINTS, f"the one at position {at} does not belong there")

    def _compare_rows(
        self, name: str, place: str, columns: Sequence[str], stored: Row | None, expected: Row | None
    ) -> None:
        if stored is None and expected is not None:
            self._differ(name, f"{place} is missing")
        elif expected is None and stored is not None:
            self._differ(name, f"{place} does not belong there")
        elif stored is not None and expected is not None:
            for column, is_stored, is_expected in zip(columns, stored, expected, strict=True):
                if is_stored != is_expected:
                    self._differ(name, f"{place}: {column} is {is_stored!r}, and by the events {is_expected!r}")

    def _differ(self, name: str, difference: str) -> None:
        self._differences.setdefault(name, difference)

    def _comparison(self, name: str) -> Comparison:
        return Comparison(name, name not in self._differences, self._differences.get(name))


def _unpacked(packed: bytes) -> bytes | None:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None
