"""Reading events out of a store, page by page, whichever database it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from domain.errors import InputError
from domain.identifiers import StreamName
from domain.record import Record, record
from nilometer.errors import UnreadableEvent
from nilometer.storage.store import Database, Store

if TYPE_CHECKING:
    from domain.envelope import Envelope
    from domain.event import Event

PAGE: Final = 1000
"""How many events are fetched at a time."""


@record()
class StoredRow(Record):
    """An event as it is stored, byte for byte: what exports and seals are made of."""

    position: int
    stream: StreamName
    version: int
    topic: str
    """``kind/version``, of the shape in which it was written."""
    body: bytes


ReadEvent: TypeAlias = "Envelope[Event] | UnreadableEvent"
"""An event that was read, or why it cannot be."""

Columns = tuple[int, str, int, str, bytes]
"""The fields of a ``StoredRow``."""


LAST_POSITION: Final = 2**63 - 1
"""No database numbers more events."""


def check_position(name: str, position: object) -> None:
    """Raises ``InputError`` for what is no position, or version, of an event."""
    hint = "a position is a whole number: 0 is before the first event"
    if type(position) is not int:
        raise InputError(f"{name} is a {type(position).__name__}, not a whole number", hint=hint)
    if not 0 <= position <= LAST_POSITION:
        raise InputError(f"{name}: there is no position {position if abs(position) < 2**64 else 'so large'}", hint=hint)


def check_known_text(name: str, text: object) -> None:
    """Raises ``InputError`` for what is no text that a ledger can have."""
    if not isinstance(text, str):
        raise InputError(f"{name} is a {type(text).__name__}, not a text", hint="write a text, such as 'vm/web01'")
    if "\0" in text or (not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)):
        raise InputError(f"{name} {text!r} has a character that no ledger has", hint="leave it out")


def _load_decode() -> Callable[[str, int, str, bytes, int], Envelope[Event]]:
    """What reads bodies; it is loaded with the first event that is read."""
    from nilometer.storage.bodies import decode

    return decode


def _decoder() -> Callable[[str, int, str, bytes, int], ReadEvent]:
    decode = _load_decode()

    def read(stream: str, version: int, topic: str, body: bytes, position: int) -> ReadEvent:
        try:
            return decode(stream, version, topic, body, position)
        except UnreadableEvent as error:
            return error

    return read


class EventReader:
    """Reads a store's events. Their classes, and what reads bodies, are loaded with the first event that is read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def position(self) -> int:
        """The position of the last event; 0 before the first."""
        with self._store.transaction(write=False) as db:
            row = db.execute(f"SELECT MAX({db.position_column}) FROM {db.events_table}").fetchone()
        return 0 if row is None else cast("int | None", row[0]) or 0

    def rows(self, after: int = 0, upto: int | None = None) -> Iterator[StoredRow]:
        """All stored events after a position up to another, in the order of their positions."""
        for position, stream, version, topic, body in self._select(after, upto):
            yield StoredRow(position, StreamName(stream), version, topic, body)  # by position: done for every event

    def columns(self, after: int = 0, upto: int | None = None) -> Iterator[Columns]:
        """The same as tuples: a record for each takes as long as to fetch it."""
        return self._select(after, upto)

    def events(self, after: int = 0, upto: int | None = None) -> Iterator[Envelope[Event]]:
        """The same, read. Raises ``UnreadableEvent``."""
        decode = None
        for position, stream, version, topic, body in self._select(after, upto):
            decode = decode or _load_decode()
            yield decode(stream, version, topic, body, position)

    def read_all(self, after: int = 0, upto: int | None = None) -> Iterator[ReadEvent]:
        """The same, with its error in the place of an event that cannot be read."""
        read = None
        for position, stream, version, topic, body in self._select(after, upto):
            read = read or _decoder()
            yield read(stream, version, topic, body, position)

    def has_begun(self, stream: str) -> bool:
        """Whether a stream has events, readable or not."""
        with self._store.transaction(write=False) as db:
            any_event = f"SELECT 1 FROM {db.events_table} WHERE originator_id = ? LIMIT 1"
            return db.execute(any_event, (stream,)).fetchone() is not None

    def stream(self, stream: str, after: int = 0, *, until_position: int | None = None) -> Iterator[Envelope[Event]]:
        """The events of one stream after a version, in order, without their positions. Raises ``UnreadableEvent``."""
        for event in self.read_stream(stream, after, until_position=until_position):
            if isinstance(event, UnreadableEvent):
                raise event
            yield event

    def read_stream(self, stream: str, after: int = 0, *, until_position: int | None = None) -> Iterator[ReadEvent]:
        """The same, with its error in the place of an event that cannot be read."""
        check_known_text("stream", stream)
        check_position("after", after)
        read = _decoder()
        while True:
            with self._store.transaction(write=False) as db:
                until = "" if until_position is None else f"AND {db.position_column} <= {until_position:d} "
                select = (
                    f"SELECT originator_version, topic, state FROM {db.events_table} "
                    f"WHERE originator_id = ? AND originator_version > ? {until}ORDER BY originator_version LIMIT ?"
                )
                page = cast("list[tuple[int, str, bytes]]", db.execute(select, (stream, after, PAGE)).fetchall())
            for version, topic, body in page:
                yield read(stream, version, topic, body, 0)
                after = version
            if len(page) < PAGE:
                return

    def version(self, stream: str, *, until_position: int | None = None) -> int:
        """The version of the last event of a stream, as it was at a position; 0 before the first."""
        with self._store.transaction(write=False) as db:
            until = "" if until_position is None else f" AND {db.position_column} <= {until_position:d}"
            select = f"SELECT MAX(originator_version) FROM {db.events_table} WHERE originator_id = ?{until}"
            row = db.execute(select, (stream,)).fetchone()
        return 0 if row is None else cast("int | None", row[0]) or 0

    def _select(self, after: int, upto: int | None) -> Iterator[Columns]:
        check_position("after", after)
        if upto is not None:
            check_position("upto", upto)
        while True:
            with self._store.transaction(write=False) as db:
                page = _fetch(db, after, upto)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1][0]


def _fetch(db: Database, after: int, upto: int | None) -> list[Columns]:
    """The next events; a text of a row that was damaged does not keep the others from being read."""
    select = (
        f"SELECT {db.position_column}, originator_id, originator_version, topic, state "
        f"FROM {db.events_table} WHERE {db.position_column} > ? "
        f"{'' if upto is None else f'AND {db.position_column} <= ?'} ORDER BY 1 LIMIT {PAGE}"
    )
    parameters = (after,) if upto is None else (after, upto)
    with suppress(UnicodeError), db.strict_texts():
        return cast("list[Columns]", db.execute(select, parameters).fetchall())
    return cast("list[Columns]", db.execute(select, parameters).fetchall())
