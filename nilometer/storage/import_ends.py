"""Where imports ended, stored beside the events: so the next one reads on from there.

It holds nothing that the files and the events do not: it can be thrown away, and is never believed. What is stored is
bound to the event that was the last then, and to a digest; if either is another, there is nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from domain.identifiers import StreamName
from domain.observed.events import VmAnnotated
from domain.observed.imports import ImportBegun, ImportRecorded
from nilometer.storage.store import Database, Store, has_table

TABLE: Final = "view_imports"


@dataclass(frozen=True, slots=True)
class StoredEnd:
    """What an import stored at its end."""

    position: int
    """Of the last event that it knew."""
    state: bytes


def load_end(store: Store, name: str) -> StoredEnd | None:
    """What was stored under a name; ``None`` if that is nothing, was damaged, or the ledger has another history."""
    with store.transaction(write=False) as db:
        if not has_table(db, TABLE):
            return None
        row = db.execute(f"SELECT position, state, digest FROM {TABLE} WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        position, packed, digest = row
        if not isinstance(position, int) or not isinstance(packed, bytes | memoryview):
            return None
        raw, event = bytes(cast("bytes", packed)), _digest_event(db, position)
        if event is None or digest != _digest(name, position, event, raw):
            return None
    try:
        return StoredEnd(position, zlib.decompress(raw))
    except zlib.error:
        return None


def load_ends(store: Store, prefix: str) -> list[StoredEnd]:
    """All that is stored under names that begin so, and was not damaged."""
    with store.transaction(write=False) as db:
        if not has_table(db, TABLE):
            return []
        names = [str(row[0]) for row in db.execute(f"SELECT name FROM {TABLE} ORDER BY name").fetchall()]
    ends = [load_end(store, name) for name in names if name.startswith(prefix)]
    return [end for end in ends if end is not None]


def save_end(store: Store, name: str, end: StoredEnd) -> None:
    """Stores where an import ended, in place of what was stored under its name."""
    packed = zlib.compress(end.state, level=1)
    with store.transaction(write=True) as db:
        if not has_table(db, TABLE):
            db.execute(
                f"CREATE TABLE {TABLE} (name TEXT PRIMARY KEY, position BIGINT NOT NULL, state {db.blob_type} NOT NULL,"
                " digest TEXT NOT NULL)"
            )
        event = _digest_event(db, end.position)
        if event is None:
            return
        db.execute(f"DELETE FROM {TABLE} WHERE name = ?", (name,))
        digest = _digest(name, end.position, event, packed)
        db.execute(f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?)", (name, end.position, packed, digest))


@dataclass(frozen=True, slots=True)
class LedgerProgress:
    """How far the ledger is, since a position."""

    position: int
    """Of its last event."""
    versions: dict[StreamName, int]
    """Of the streams that have events since."""
    annotations: dict[StreamName, int]
    """How many of these events only add to others why they happened: they change nothing of what an import knows."""


def find_progress(store: Store, after: int) -> LedgerProgress:
    """How far the ledger is, and which streams have events after a position."""
    with store.transaction(write=False) as db:
        rows = db.execute(
            "SELECT originator_id, MAX(originator_version), SUM(CASE WHEN topic LIKE ? THEN 1 ELSE 0 END), "
            f"MAX({db.position_column}) FROM {db.events_table} WHERE {db.position_column} > ? GROUP BY originator_id",
            (f"{VmAnnotated.KIND}/%", after),
        ).fetchall()
    found = [
        (StreamName(str(stream)), _number(version), _number(annotated), _number(position))
        for stream, version, annotated, position in rows
    ]
    return LedgerProgress(
        position=max([after, *(position for _, _, _, position in found)]),
        versions={stream: version for stream, version, _, _ in found},
        annotations={stream: annotated for stream, _, annotated, _ in found if annotated},
    )


def find_unfinished(store: Store, after: int) -> list[int]:
    """The positions, after another, of the events that the import of a file began, and none of it that it ended."""
    with store.transaction(write=False) as db:
        ended = f"SELECT 1 FROM {db.events_table} other WHERE other.originator_id = begun.originator_id"
        rows = db.execute(
            f"SELECT {db.position_column} FROM {db.events_table} begun WHERE {db.position_column} > ? "
            f"AND topic LIKE ? AND NOT EXISTS ({ended} AND other.topic LIKE ?) ORDER BY 1",
            (after, f"{ImportBegun.KIND}/%", f"{ImportRecorded.KIND}/%"),
        ).fetchall()
    return [_number(row[0]) for row in rows]


def _number(value: object) -> int:
    """A whole number, which some databases give as a decimal."""
    return int(str(value))


def _digest_event(db: Database, position: int) -> str | None:
    """The digest of the event at a position; ``None`` if there is none."""
    select = f"SELECT originator_id, originator_version, topic, state FROM {db.events_table}"
    row = db.execute(f"{select} WHERE {db.position_column} = ?", (position,)).fetchone()
    if row is None:
        return None
    stream, version, topic, state = row
    body = bytes(cast("bytes", state)) if isinstance(state, bytes | memoryview) else str(state).encode()
    return sha256(f"{stream}/{version} {topic}\n".encode() + body).hexdigest()


def _digest(name: str, position: int, event: str, packed: bytes) -> str:
    return sha256(f"{name}\n{position}\n{event}\n".encode() + packed).hexdigest()
