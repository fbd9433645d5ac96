"""The fleet at any moment, from the nearest checkpoint and the events after it. Nothing is written.

*At a position* is what was known when so many events were recorded. *At a time* is what had happened by then: of each
stream the events up to that time, whenever they were recorded. The clocks of streams need not agree, and histories of
the same days may have been recorded one after the other, so each stream starts from the checkpoint that suits it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import InputError
from nilometer.errors import UnreadableEvent
from nilometer.views.folding import fold
from nilometer.views.states import STATE_COLUMNS, check_row, put, read_fleet, read_row, read_state
from nilometer.views.tables import (
    ENTRY_COLUMNS,
    Events,
    ViewStore,
    check_entry,
    damaged,
    number,
    select_in,
    text,
    tracking,
)
from projections.fleet import Fleet
from projections.tracked import AnyTracked

if TYPE_CHECKING:
    from nilometer.storage.reader import ReadEvent

NEAR = 32
"""Events that are wanted singly are fetched together if no more than so many others lie between them."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stream whose events up to a time end at position ``last``, and go on after that time at ``beyond``."""

    stream: str
    last: int
    beyond: int


class Moments:
    """Reads fleets out of the stored projections of a ledger, and its events."""

    def __init__(self, store: ViewStore, events: Events) -> None:
        self._store = store
        self._events = events

    def now(self) -> Fleet:
        """The fleet as all events leave it."""
        fleet = self._stored()
        return fold(fleet, self._events(fleet.position, None))

    def at_position(self, wanted: int) -> Fleet:
        """The fleet as it was known at a position. Raises ``InputError`` if the ledger has not come so far."""
        if wanted < 0:
            raise InputError(f"there is no position {wanted}: they count from 1, and 0 is before the first event")
        fleet = self._stored(wanted)
        fold(fleet, self._events(fleet.position, wanted))
        if fleet.position != wanted:
            raise InputError(
                f"there is no position {wanted}: the last event is at {fleet.position}", hint="see the last: nilo log"
            )
        return fleet

    def at_time(self, time: str) -> Fleet:
        """The fleet as it was at a time, by all that is known now."""
        fleet = Fleet()
        known, rows = self._streams_at(time)
        stretches: list[_Stretch] = []
        last_of_all = 0
        for stream, kind, state, beyond, last in rows:
            if last is not None:
                last_of_all = max(last_of_all, last)
                if beyond is None:
                    put(fleet, stream, read_state(stream, kind, state))
                else:
                    stretches.append(_Stretch(stream, last, beyond))
        for checkpoint, some in _starts(stretches, self._checkpoints() if stretches else []).items():
            self._take(fleet, checkpoint, {stretch.stream: stretch for stretch in some})
        late, others, latest = self._beside(time, known)
        fold(fleet, fetch(self._events, late), dense=False)
        fleet.position, fleet.latest = max(last_of_all, others, fleet.position), latest
        return fold(fleet, by_time(self._events(known, None), time), dense=False)

    def _stored(self, upto: int | None = None) -> Fleet:
        """The stored fleet nearest to a position and not after it, or to the last event."""
        with self._store.transaction(write=False) as db:
            there = tracking(db)
            if there is None:
                return Fleet()
            if upto is None or upto >= there.position:
                rows = db.execute(f"SELECT {STATE_COLUMNS} FROM view_streams WHERE removed = 0").fetchall()
                return _fleet(there.position, there.latest, map(read_row, rows))
            row = db.execute(
                "SELECT position, latest, fleet, checksum FROM view_checkpoints WHERE position <= ? "
                "ORDER BY position DESC LIMIT 1",
                (upto,),
            ).fetchone()
        if row is None:
            return Fleet()
        return _fleet(number(row[0]), text(row[1]), read_fleet(row).items())

    def _streams_at(self, time: str) -> tuple[int, list[tuple[str, str, str, int | None, int | None]]]:
        """How far the stored projections are, and of each stream its name, kind and state at their end.

        Then the position of its first event beyond which it is later than ``time``, and of the last before that.
        """
        with self._store.transaction(write=False) as db:
            there = tracking(db)
            if there is None:
                return 0, []
            rows = db.execute(
                f"SELECT {STATE_COLUMNS}, "
                "(SELECT e.position FROM view_timeline e WHERE e.stream = s.stream AND e.latest > ? "
                "ORDER BY e.latest, e.position LIMIT 1), "
                "(SELECT e.position FROM view_timeline e WHERE e.stream = s.stream AND e.latest <= ? "
                "ORDER BY e.latest DESC, e.position DESC LIMIT 1) "
                "FROM view_streams s",
                (time, time),
            ).fetchall()
            chosen = [at for row in rows for at in (row[6], row[7]) if at is not None]
            for entry in select_in(db, f"SELECT {ENTRY_COLUMNS} FROM view_timeline WHERE position", chosen):
                check_entry(entry)
        return there.position, [(*check_row(row[:6]), _maybe(row[6]), _maybe(row[7])) for row in rows]

    def _take(self, fleet: Fleet, checkpoint: int, stretches: dict[str, _Stretch]) -> None:
        """Puts streams into the fleet as they were at the ends of their stretches, from a checkpoint on."""
        states = self._checkpoint(checkpoint) if checkpoint else {}
        for stream in stretches.keys() & states.keys():
            put(fleet, stream, states[stream])
        upto = max(stretch.last for stretch in stretches.values())
        if upto > checkpoint:
            fold(fleet, (event for event in self._events(checkpoint, upto) if _is_in(event, stretches)), dense=False)

    def _checkpoints(self) -> list[int]:
        with self._store.transaction(write=False) as db:
            return [number(row[0]) for row in db.execute("SELECT position FROM view_checkpoints ORDER BY position")]

    def _checkpoint(self, at: int) -> dict[str, AnyTracked]:
        with self._store.transaction(write=False) as db:
            select = "SELECT position, latest, fleet, checksum FROM view_checkpoints WHERE position = ?"
            row = db.execute(select, (at,)).fetchone()
        if row is None:
            raise damaged(f"the checkpoint at position {at} is missing")
        return read_fleet(row)

    def _beside(self, time: str, known: int) -> tuple[list[int], int, str | None]:
        """What happened by a time beside the streams' stretches.

        The positions of events that were recorded after later ones of their stream; the last position of an event
        that concerns no host or VM; and when the latest of all happened.
        """
        with self._store.transaction(write=False) as db:
            if not known:
                return [], 0, None
            late = db.execute(
                f"SELECT {ENTRY_COLUMNS} FROM view_timeline WHERE latest > happened AND happened <= ? AND latest > ? "
                "AND position <= ? ORDER BY position",
                (time, time, known),
            ).fetchall()
            others = db.execute(
                "SELECT MAX(position) FROM view_timeline WHERE vm IS NULL AND host IS NULL AND happened <= ? "
                "AND position <= ?",
                (time, known),
            ).fetchone()
            latest = db.execute(
                "SELECT happened FROM view_timeline WHERE happened <= ? AND (vm IS NOT NULL OR host IS NOT NULL) "
                "ORDER BY happened DESC LIMIT 1",
                (time,),
            ).fetchone()
        return (
            [check_entry(row) for row in late],
            0 if others is None else _maybe(others[0]) or 0,
            None if latest is None else text(latest[0]),
        )


def by_time(events: Iterable[ReadEvent], time: str) -> Iterator[ReadEvent]:
    """Those of the events that had happened by a time. Of one that cannot be read nobody knows."""
    for event in events:
        if isinstance(event, UnreadableEvent) or event.metadata.happened <= time:
            yield event


def _is_in(event: ReadEvent, stretches: Mapping[str, _Stretch]) -> bool:
    stretch = stretches.get(event.stream)
    return stretch is not None and event.position <= stretch.last


def fetch(events: Events, positions: Sequence[int]) -> Iterator[ReadEvent]:
    """The events at these positions, which are in order; neighbours are fetched together."""
    start = 0
    for end in range(1, len(positions) + 1):
        if end == len(positions) or positions[end] - positions[end - 1] > NEAR:
            wanted = set(positions[start:end])
            for envelope in events(positions[start] - 1, positions[end - 1]):
                if envelope.position in wanted:
                    yield envelope
            start = end


def _starts(stretches: Iterable[_Stretch], checkpoints: Sequence[int]) -> dict[int, list[_Stretch]]:
    """The fewest checkpoints from which all stretches can be taken, each with as little to go as any would leave it."""
    starts: dict[int, list[_Stretch]] = {}
    chosen = -1
    for stretch in sorted(stretches, key=lambda stretch: stretch.beyond):
        if chosen < _before(checkpoints, stretch.last + 1):
            chosen = _before(checkpoints, stretch.beyond)
        starts.setdefault(chosen, []).append(stretch)
    return starts


def _before(checkpoints: Sequence[int], position: int) -> int:
    """The last checkpoint before a position; 0 if there is none."""
    place = bisect_left(checkpoints, position)
    return checkpoints[place - 1] if place else 0


def _fleet(at: int, latest: str, states: Iterable[tuple[str, AnyTracked]]) -> Fleet:
    fleet = Fleet(position=at, latest=latest or None)
    for stream, tracked in states:
        put(fleet, stream, tracked)
    return fleet


def _maybe(value: object) -> int | None:
    return None if value is None else number(value)
