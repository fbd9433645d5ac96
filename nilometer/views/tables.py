"""The tables of the stored projections: how they are made, locked, and exchanged for fresh ones.

``view_streams`` has each host and VM as its events leave it; ``view_checkpoints`` the whole fleet now and then;
``view_timeline`` an index of the audit trail; ``view_tracking`` how far all of them are. They hold nothing that the
events do not: they can be thrown away and made again.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from domain.errors import NilometerError
from nilometer.errors import LedgerError
from nilometer.storage.store import Database, has_table

if TYPE_CHECKING:
    from nilometer.storage.reader import ReadEvent

SHAPE: Final = "views/13"
"""The shape of what is stored. Tables of another one are not read, and made anew by the next writer."""

TABLES: Final = ("view_streams", "view_checkpoints", "view_timeline", "view_tracking")
LIVE: Final = ""
FRESH: Final = "_fresh"
"""The ending of the names of tables that are being rebuilt."""

ROWS_AT_ONCE: Final = 100
"""How many rows one statement inserts."""


class ViewError(NilometerError):
    """A stored view cannot be read: it was damaged, or changed by hand. The events are not touched by that."""


class EventsMissing(LedgerError):
    """Events that were recorded are no longer in the ledger."""


INDEXES: Final = {
    "stream": "(stream, latest, position)",
    "happened": "(happened)",
    "vm": "(vm, position)",
    "host": "(host, position)",
    "actor": "(actor, position)",
    "correlation": "(correlation)",
    "late": "(happened) WHERE latest > happened",
    "other": "(happened) WHERE vm IS NULL AND host IS NULL",
}
"""The indexes of ``view_timeline``, by the last part of their names."""

Moment = int | str
"""A position, or a time as it is kept inside."""


class ViewStore(Protocol):
    """Where views are kept: the store of a ledger."""

    def transaction(self, *, write: bool) -> AbstractContextManager[Database]:
        """A transaction that is committed at its end, and rolled back on an exception."""
        ...


Events = Callable[[int, int | None], Iterable["ReadEvent"]]
"""The events of a ledger after a position up to another, in order; those that cannot be read as their errors."""


def exist(db: Database, tables: str = LIVE) -> bool:
    """Whether tables are there, of whatever shape."""
    return has_table(db, f"view_tracking{tables}")


def lock(db: Database) -> None:
    """Waits until no other transaction writes views. SQLite's writers exclude each other anyway."""
    if db.blob_type != "BLOB":
        db.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema()), 74656)").fetchone()


def create(db: Database, tables: str) -> None:
    """Makes empty tables at position 0."""
    key = "INTEGER" if db.blob_type == "BLOB" else "BIGINT"  # in SQLite only INTEGER is the row's own number
    timeline = f"""
        position {key} PRIMARY KEY, stream TEXT NOT NULL, happened TEXT NOT NULL, latest TEXT NOT NULL, vm TEXT,
        host TEXT, actor TEXT NOT NULL, outcome TEXT, asked BIGINT NOT NULL, correlation TEXT NOT NULL,
        checksum BIGINT NOT NULL"""
    streams = """
        stream TEXT PRIMARY KEY, kind TEXT NOT NULL, version BIGINT NOT NULL, removed BIGINT NOT NULL,
        state TEXT NOT NULL, checksum BIGINT NOT NULL"""
    checkpoints = (
        f"position {key} PRIMARY KEY, latest TEXT NOT NULL, fleet {db.blob_type} NOT NULL, checksum BIGINT NOT NULL"
    )
    tracking = "name TEXT PRIMARY KEY, position BIGINT NOT NULL, latest TEXT NOT NULL, checksum BIGINT NOT NULL"
    for table, columns in zip(TABLES, (streams, checkpoints, timeline, tracking), strict=True):
        db.execute(f"CREATE TABLE {table}{tables} ({columns})")
    create_indexes(db, tables, INDEXES)
    db.execute(f"INSERT INTO view_tracking{tables} VALUES (?, 0, '', ?)", (SHAPE, checksum(0, "")))


def create_indexes(db: Database, tables: str, names: Iterable[str]) -> None:
    """Makes some of ``INDEXES``, each under a name of its own, as fresh tables are there beside live ones."""
    made = os.urandom(6).hex()
    for name in names:
        db.execute(f"CREATE INDEX view_timeline_{made}_{name} ON view_timeline{tables} {INDEXES[name]}")


def missing_indexes(db: Database) -> list[str]:
    """Which of ``INDEXES`` the live tables lack, because an earlier version made them, if we may make them."""
    if db.blob_type == "BLOB":
        select = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'view_timeline'"
    else:
        select = (
            "SELECT indexname FROM pg_indexes JOIN pg_tables USING (schemaname, tablename) "
            "WHERE schemaname = current_schema() AND tablename = 'view_timeline' AND pg_has_role(tableowner, 'USAGE')"
        )
    there = {text(row[0]).rpartition("_")[2] for row in db.execute(select)}
    return [name for name in INDEXES if name not in there] if there else []


def drop(db: Database, tables: str) -> None:
    """Throws tables away, if they are there."""
    for table in TABLES:
        db.execute(f"DROP TABLE IF EXISTS {table}{tables}")


def put_in_place(db: Database) -> None:
    """Exchanges the live tables for the fresh ones."""
    drop(db, LIVE)
    for table in TABLES:
        db.execute(f"ALTER TABLE {table}{FRESH} RENAME TO {table}")


def position(db: Database, tables: str = LIVE) -> int | None:
    """How far the tables are; ``None`` if they are not there, or have another shape."""
    if not exist(db, tables):
        return None
    row = db.execute(f"SELECT position FROM view_tracking{tables} WHERE name = ?", (SHAPE,)).fetchone()
    return None if row is None else number(row[0])


class Tracking(NamedTuple):
    """How far tables are: the position of the last event in them, and when the latest of all happened."""

    position: int
    latest: str


def tracking(db: Database, tables: str = LIVE) -> Tracking | None:
    """How far the tables are; ``None`` if they are not there, or have another shape.

    Raises ``ViewError`` if that was changed, and ``EventsMissing`` if they are ahead of the ledger.
    """
    if position(db, tables) is None:
        return None
    select = f"SELECT position, latest, checksum FROM view_tracking{tables} WHERE name = ?"
    row = db.execute(select, (SHAPE,)).fetchone()
    if row is None:
        return None
    found = Tracking(number(row[0]), text(row[1]))
    if row[2] != checksum(*found):
        raise damaged("how far the views are was changed")
    last = last_position(db)
    if found.position > last:
        raise EventsMissing(
            f"the ledger ends at position {last}, and its views had come to position {found.position}: "
            "events were removed from it",
            hint="restore it (nilo restore BACKUP), or accept what is left: nilo replay --repair",
        )
    return found


def last_position(db: Database) -> int:
    """The position of the last event of the ledger; 0 before the first."""
    row = db.execute(f"SELECT MAX({db.position_column}) FROM {db.events_table}").fetchone()
    return 0 if row is None or row[0] is None else number(row[0])


def checksum(*values: str | int | bytes) -> int:
    """The checksum that is stored with a row, of what else is in it."""
    sum = 0
    for value in values:
        raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        sum = zlib.crc32(raw, zlib.crc32(b"%d:" % len(raw), sum))
    return sum


ENTRY_COLUMNS: Final = "position, stream, happened, latest, vm, host, actor, outcome, asked, correlation, checksum"
"""The columns of ``view_timeline``, as ``check_entry`` takes them."""


def checksum_of_entry(entry: Sequence[object]) -> int:
    """The checksum that is stored with a row of ``view_timeline``: cheaper, as there is one for each event."""
    return zlib.crc32(repr(tuple(entry)).encode("utf-8", "surrogatepass"))


def check_entry(row: Sequence[object]) -> int:
    """The position in a row of ``view_timeline``. Raises ``ViewError`` if the row was changed."""
    *entry, stored = row
    if stored != checksum_of_entry(entry):
        raise damaged(f"the entry of the log at position {entry[0]!r} was changed")
    return number(entry[0])


def check_entries(db: Database, known: int) -> None:
    """Raises ``ViewError`` if there is not one row of ``view_timeline`` for each position up to ``known``.

    Who looks for some of the rows does not miss one that was deleted, or has another position. SQLite counts the cells
    of an index, 10 ms for a million rows. PostgreSQL would read every row, and keeps them from those who only read.
    """
    if db.blob_type != "BLOB":
        return
    counted = "SELECT (SELECT COUNT(*) FROM view_timeline), (SELECT MIN(position) FROM view_timeline), "
    found = db.execute(f"{counted}(SELECT MAX(position) FROM view_timeline)").fetchone()
    if known and tuple(found or ()) != (known, 1, known):
        raise damaged(f"the log's index has not one entry for each of {known} events")


def insert(db: Database, into: str, rows: Sequence[Sequence[object]], otherwise: str = "") -> None:
    """Inserts rows, many in one statement."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        marks = f"({', '.join('?' * len(some[0]))})"
        statement = f"INSERT INTO {into} VALUES {', '.join([marks] * len(some))} {otherwise}"
        db.execute(statement, [value for row in some for value in row])


def select_in(db: Database, select: str, keys: Sequence[object]) -> Iterator[Sequence[object]]:
    """The rows that ``select … IN`` finds for any number of keys."""
    for start in range(0, len(keys), ROWS_AT_ONCE):
        some = keys[start : start + ROWS_AT_ONCE]
        yield from db.execute(f"{select} IN ({', '.join('?' * len(some))})", some)


def number(value: object) -> int:
    """A whole number from a row."""
    if not isinstance(value, int):
        raise damaged(f"{value!r} is not a whole number")
    return value


def text(value: object) -> str:
    """A text from a row."""
    if not isinstance(value, str):
        raise damaged(f"{value!r} is not a text")
    return value


def blob(value: object) -> bytes:
    """Bytes from a row."""
    if not isinstance(value, bytes):
        raise damaged(f"{value!r} is not bytes")
    return value


def damaged(why: str) -> ViewError:
    """The error that a stored view cannot be read."""
    return ViewError(f"a stored view is damaged: {why}", hint="the events are not; compare them with: nilo replay")
