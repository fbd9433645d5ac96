"""Events as the leaves of a log: read as the bytes that are stored, and hashed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from nilometer.storage.store import Database, Store
from nilometer.tlog.entries import encode_entry, encode_odd_entry

FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1
"""The ends of all positions: an event that somebody put before the first one is read too."""
PAGE: Final = 2048
"""How many events are fetched at a time: eight tiles."""
SHORT: Final = 2**15
"""Bytes. The entry of an event with a shorter body is never too long for a bundle."""

RESTORED: Final = "import.restored/1"
"""The topic of the event that the ledger was restored from a backup."""

_SQLITE: Final = (
    "SELECT {position}, CAST(originator_id AS BLOB), originator_version, CAST(topic AS BLOB), state, "
    "CASE WHEN typeof(originator_id) = 'text' AND typeof(originator_version) = 'integer' "
    "AND typeof(topic) = 'text' AND typeof(state) = 'blob' THEN NULL ELSE typeof(originator_id) || ' ' || "
    "typeof(originator_version) || ' ' || typeof(topic) || ' ' || typeof(state) END "
)
_POSTGRES: Final = (
    "SELECT {position}, convert_to(originator_id, 'UTF8'), originator_version, convert_to(topic, 'UTF8'), state, "
    "NULL::text "
)
_RANGE: Final = "FROM {events} WHERE {position} >= ? AND {position} <= ? ORDER BY 1 LIMIT ?"

SealRow = tuple[int, bytes, int, bytes, bytes, "str | None"]
"""Position, stream, version, topic and body as they are stored; and the types of all four if one was damaged."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Events that follow each other, as leaves: their positions, and the hash of each."""

    positions: list[int]
    hashes: list[bytes]


class _Parts(dict[bytes, bytes]):
    """Streams or topics, each after its length: the same ones come again and again."""

    def __missing__(self, text: bytes) -> bytes:
        if len(self) >= 100_000:
            self.clear()
        part = self[text] = b"%d %b " % (len(text), text)
        return part


class _Versions(dict[int, bytes]):
    """Versions, each after its length."""

    def __missing__(self, version: int) -> bytes:
        if len(self) >= 100_000:
            self.clear()
        number = b"%d" % version
        part = self[version] = b"%d %b " % (len(number), number)
        return part


_streams, _versions, _topics = _Parts(), _Versions(), _Parts()


def read_rows(db: Database, first: int, last: int, limit: int) -> list[SealRow]:
    """Events by their positions, from one up to another (inclusive), no more than so many."""
    columns = _SQLITE if db.blob_type == "BLOB" else _POSTGRES
    select = (columns + _RANGE).format(position=db.position_column, events=db.events_table)
    return cast("list[SealRow]", db.execute(select, (first, last, limit)).fetchall())


def find_restores(db: Database, after: int) -> list[SealRow]:
    """The events after a position that say that the ledger was restored from a backup."""
    columns = _SQLITE if db.blob_type == "BLOB" else _POSTGRES
    select = (columns + "FROM {events} WHERE {position} > ? AND topic = ? ORDER BY 1").format(
        position=db.position_column, events=db.events_table
    )
    return cast("list[SealRow]", db.execute(select, (after, RESTORED)).fetchall())


def entry_of(row: SealRow) -> bytes:
    """The entry of an event in the log."""
    _, stream, version, topic, body, types = row
    if types is None:
        return encode_entry(stream, b"%d" % version, topic, body)
    parts = (_damaged(stream), _damaged(version), _damaged(topic), _damaged(body))
    return encode_odd_entry(*parts, types.encode())


def _damaged(value: object) -> bytes:
    """The bytes of a value in a row that was damaged."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def hash_rows(rows: Sequence[SealRow]) -> Leaves:
    """The leaves that events are."""
    # ``hash_leaf(entry_of(row))`` for each, but twice as fast: there may be millions.
    hashes = [
        sha256(
            b"\x00DSSEv1 %b%b%b%d %b" % (_streams[stream], _versions[version], _topics[topic], len(body), body)
            if types is None and len(body) < SHORT
            else b"\x00" + entry_of((position, stream, version, topic, body, types))
        ).digest()
        for position, stream, version, topic, body, types in rows
    ]
    return Leaves([row[0] for row in rows], hashes)


def read_leaves(store: Store, first: int, last: int, limit: int | None = None) -> Iterator[Leaves]:
    """The leaves of the events from one position up to another, in pages, each read at one moment."""
    left = limit
    while first <= last and left != 0:
        size = PAGE if left is None else min(PAGE, left)
        with store.transaction(write=False) as db:
            rows = read_rows(db, first, last, size)
        if rows:
            yield hash_rows(rows)
            first = rows[-1][0] + 1
        if len(rows) < size:
            return
        left = None if left is None else left - len(rows)
