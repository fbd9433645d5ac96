"""Bringing stored projections up to date, a page of events at a time, each page in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from nilometer.errors import UnreadableEvent
from nilometer.storage.reader import ReadEvent
from nilometer.storage.store import Database
from nilometer.views.folding import cannot_follow
from nilometer.views.states import STATE_COLUMNS, check_row, host_of, kind_of, select_states, write_fleet, write_state
from nilometer.views.tables import (
    LIVE,
    Events,
    ViewStore,
    checksum,
    checksum_of_entry,
    create_indexes,
    damaged,
    exist,
    insert,
    lock,
    missing_indexes,
    tracking,
)
from projections.advancing import advance
from projections.fleet import HISTORY
from projections.timeline import subject
from projections.tracked import AnyTracked, States


@dataclass(frozen=True, slots=True)
class Pace:
    """How events are taken up: so many in one transaction, and a checkpoint every so many positions."""

    page: int = 1000
    checkpoint: int = 10_000

    def is_due(self, after: int, position: int) -> bool:
        """Whether a checkpoint is due at a position that was reached from another."""
        return position // self.checkpoint > after // self.checkpoint


Row = tuple[object, ...]

_REPLACE: Final = (
    "ON CONFLICT (stream) DO UPDATE SET kind = excluded.kind, version = excluded.version, "
    "removed = excluded.removed, state = excluded.state, checksum = excluded.checksum"
)


def pages(events: Events, after: int, upto: int | None, pace: Pace) -> Iterator[list[Envelope[Event]]]:
    """Events in pages, each ending where a checkpoint is due. Raises ``UnreadableEvent`` after those before it."""
    for page in in_pages(events(after, upto), after, pace):
        readable: list[Envelope[Event]] = []
        for event in page:
            if isinstance(event, UnreadableEvent):
                if readable:
                    yield readable
                raise event
            readable.append(event)
        yield readable


def in_pages(events: Iterable[ReadEvent], after: int, pace: Pace) -> Iterator[list[ReadEvent]]:
    """Events after a position in pages, each ending where a checkpoint is due."""
    page: list[ReadEvent] = []
    for event in events:
        page.append(event)
        if len(page) == pace.page or pace.is_due(after, event.position):
            yield page
            after, page = event.position, []
    if page:
        yield page


def latest_of(page: Iterable[Envelope[Event]], before: str) -> str:
    """When the latest event of the history happened: those of a page, and of what was before it."""
    times = (event.metadata.happened for event in page if split_stream(event.stream)[0] in HISTORY)
    return max([before, *times])


def timeline_row(envelope: Envelope[Event], tracked: AnyTracked | None) -> Row:
    """The row of an event in ``view_timeline``; ``tracked`` is what its stream then came to."""
    metadata, about = envelope.metadata, subject(envelope)
    latest = metadata.happened if tracked is None else tracked.as_of
    entry = (
        envelope.position,
        envelope.stream,
        metadata.happened,
        latest,
        about.vm,
        about.host or host_of(tracked),
        metadata.actor,
        None if about.outcome is None else str(about.outcome),
        int(about.asked),
        metadata.correlation,
    )
    return (*entry, checksum_of_entry(entry))


def state_row(stream: str, tracked: AnyTracked) -> Row:
    """The row of a host or VM in ``view_streams``."""
    version, removed = tracked.subject.version, int(tracked.subject.removed)
    kind, state = kind_of(tracked), write_state(tracked)
    return (stream, kind, version, removed, state, checksum(stream, kind, version, removed, state))


def _is_stale(states: States, envelope: Envelope[Event]) -> bool:
    if split_stream(envelope.stream)[0] not in ("vm", "host"):
        return False
    known = states.get(envelope.stream)
    return (0 if known is None else known.subject.version) != envelope.version - 1


def read_states(store: ViewStore, tables: str, streams: Sequence[str]) -> dict[str, AnyTracked]:
    """The stored states of these streams, read in a transaction of its own."""
    with store.transaction(write=False) as db:
        return select_states(db, tables, streams) if exist(db, tables) else {}


def write_page(
    store: ViewStore,
    tables: str,
    after: int,
    page: Sequence[Envelope[Event]],
    pace: Pace,
    *,
    complete_indexes: bool = False,
) -> bool:
    """Takes a page up in one transaction; false if the tables are no longer at ``after``, as another was faster.

    With ``complete_indexes`` it also makes the indexes that tables of an earlier version lack.
    Raises ``HistoryError`` if one of its events cannot follow: then nothing of it is taken up.
    """
    with store.transaction(write=True) as db:
        lock(db)
        before = tracking(db, tables)
        if before is None or before.position != after:
            return False
        if complete_indexes:
            create_indexes(db, tables, missing_indexes(db))
        states: States = dict(select_states(db, tables, sorted({envelope.stream for envelope in page})))
        rows: list[Row] = []
        touched: dict[str, AnyTracked] = {}
        for envelope in page:
            tracked = _advance(states, envelope, tables)
            rows.append(timeline_row(envelope, tracked))
            if tracked is not None:
                touched[envelope.stream] = tracked
        insert(db, f"view_timeline{tables}", rows)
        insert(
            db, f"view_streams{tables}", [state_row(stream, tracked) for stream, tracked in touched.items()], _REPLACE
        )
        upto, latest = page[-1].position, latest_of(page, before.latest)
        db.execute(
            f"UPDATE view_tracking{tables} SET position = ?, latest = ?, checksum = ?",
            (upto, latest, checksum(upto, latest)),
        )
        if pace.is_due(after, upto):
            _write_checkpoint(db, tables, upto, latest)
    return True


def _advance(states: States, envelope: Envelope[Event], tables: str) -> AnyTracked | None:
    """Takes an event up in the states. Raises ``HistoryError`` if it cannot follow, ``ViewError`` if they are wrong."""
    if _is_stale(states, envelope):
        if tables != LIVE:  # they come of these events alone
            raise cannot_follow(envelope, HistoryError(f"events of {envelope.stream} are missing before it"))
        raise damaged(f"what is stored of {envelope.stream} is not of the version before {envelope.version}")
    try:
        return advance(states, envelope)
    except HistoryError as error:
        raise cannot_follow(envelope, error) from None


def _write_checkpoint(db: Database, tables: str, upto: int, latest: str) -> None:
    rows = db.execute(f"SELECT {STATE_COLUMNS} FROM view_streams{tables} WHERE removed = 0")
    fleet = write_fleet(check_row(row) for row in rows)
    row = (upto, latest, fleet, checksum(upto, latest, fleet))
    db.execute(f"INSERT INTO view_checkpoints{tables} VALUES (?, ?, ?, ?)", row)
