"""The recorder for SQLite: a file with write-ahead logging, every commit on disk before it is reported."""

from __future__ import annotations

import random
import sqlite3
import time
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import Lock
from typing import Any, Final, cast
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Notification, OperationalError, PersistenceError, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteConnection, SQLiteConnectionPool, SQLiteDatastore

from domain.identifiers import UtcTime
from nilometer.errors import CommitUncertain, LedgerError
from nilometer.storage.recorder import (
    NOTHING_EXPECTED,
    ExpectedVersions,
    LedgerRecorder,
    StaleRead,
    nothing_recorded,
)
from nilometer.storage.sqlite.files import check_file, create_file, no_ledger, to_ledger_error
from nilometer.storage.sqlite.positions import check_positions, warn_of_positions
from nilometer.storage.sqlite.reader import (
    SQLiteTransaction,
    bytes_used,
    reading_uri,
    select_facts,
    select_receipts,
)
from nilometer.storage.sqlite.triggers import TRIGGERS, check_triggers, once, warn_of_triggers
from nilometer.storage.store import LOCK_TIMEOUT, Receipt, decode_text
from nilometer.storage.urls import SQLiteLocation
from nilometer.times import Clock, current_time, system_clock

COMMANDS_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS commands "
    "(key TEXT PRIMARY KEY, position INTEGER NOT NULL, events INTEGER NOT NULL, result TEXT) WITHOUT ROWID"
)
EVENTS_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS stored_events "
    "(position INTEGER PRIMARY KEY, originator_id TEXT NOT NULL, originator_version INTEGER NOT NULL, "
    "topic TEXT NOT NULL, state BLOB NOT NULL, UNIQUE (originator_id, originator_version))"
)
"""The number of a row is its position: with a name of its own, it is kept when the file is written anew (VACUUM)."""
LEDGER_TABLE: Final = "CREATE TABLE IF NOT EXISTS ledger (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


STATEMENTS: Final = 128
"""How many prepared statements a connection keeps."""


class _Pool(SQLiteConnectionPool):
    """Connections that leave the journal alone when they may only read.

    They keep their prepared statements; the library's keep one, and parse each statement of a commit anew.
    """

    def __init__(self, db_name: str, *, read_only: bool, synchronous: str, lock_timeout: float) -> None:
        self._read_only = read_only
        self._synchronous = synchronous
        super().__init__(db_name=db_name, lock_timeout=cast("int", lock_timeout))  # sqlite3 takes fractions

    def _create_connection(self) -> SQLiteConnection:
        connection = sqlite3.connect(
            self.db_name,
            uri=True,
            check_same_thread=False,
            isolation_level=None,
            cached_statements=STATEMENTS,
            timeout=self.lock_timeout or 0,
        )
        connection.row_factory = sqlite3.Row
        connection.text_factory = decode_text
        if self._read_only:
            connection.execute("PRAGMA query_only = 1")
        else:
            self._log_ahead(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        return SQLiteConnection(connection, max_age=self.max_age)

    def _log_ahead(self, connection: sqlite3.Connection) -> None:
        """Switches to write-ahead logging. SQLite does not wait by itself while another is just switching too."""
        end = time.monotonic() + (self.lock_timeout or 0)
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
                time.sleep(random.uniform(0, 0.01))
            else:
                return


class SQLiteLedgerDatastore(SQLiteDatastore):
    """A datastore on a file that exists, opened for writing or only for reading."""

    def __init__(
        self, uri: str, *, read_only: bool = False, synchronous: str = "FULL", lock_timeout: float = LOCK_TIMEOUT
    ) -> None:
        super().__init__(":memory:", originator_id_type="text")
        self.pool.close()
        self.pool = _Pool(uri, read_only=read_only, synchronous=synchronous, lock_timeout=lock_timeout)


@contextmanager
def translated_errors(location: SQLiteLocation) -> Generator[None]:
    """Turns what SQLite and the library raise into the errors that say what to do; ``IntegrityError`` stays."""
    try:
        yield
    except IntegrityError:
        raise
    except PersistenceError as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, sqlite3.Error):
            raise to_ledger_error(location, cause) from error
        hint = "" if isinstance(error, OperationalError) else "please report this"
        raise LedgerError(f"{location.path}: {error}", hint=hint) from error
    except sqlite3.IntegrityError as error:
        raise IntegrityError(str(error)) from error
    except sqlite3.Error as error:
        raise to_ledger_error(location, error) from error


def roll_back(connection: sqlite3.Connection) -> None:
    """Ends a transaction that failed. A disk that is full or broken may refuse this too: SQLite does it later."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


@lru_cache(maxsize=64)
def _select_versions(table: str, count: int) -> str:
    """The statement that finds the position of the last event, and the versions of so many streams."""
    version = f"(SELECT MAX(originator_version) FROM {table} WHERE originator_id = ?)"
    return ", ".join([f"SELECT (SELECT MAX(rowid) FROM {table})", *[version] * count])


class SQLiteLedgerRecorder(SQLiteApplicationRecorder, LedgerRecorder):
    """Events and receipts in one SQLite file."""

    answers_can_be_lost = False  # the database is in this process

    def __init__(self, datastore: SQLiteDatastore, location: SQLiteLocation) -> None:
        super().__init__(datastore)
        columns = "originator_id, originator_version, topic, state"
        self.insert_events_statement = f"INSERT INTO {self.events_table_name} ({columns}) VALUES (?, ?, ?, ?)"
        self._location = location
        self._writing = Lock()
        self._held: SQLiteConnection | None = None

    @classmethod
    def open(
        cls,
        location: SQLiteLocation,
        *,
        create: bool,
        read_only: bool,
        synchronous: str = "FULL",
        lock_timeout: float = LOCK_TIMEOUT,
        clock: Clock = system_clock,
    ) -> SQLiteLedgerRecorder:
        """Opens the ledger at ``location``. Raises a ``LedgerError`` that says what is wrong with it."""
        found = check_file(location)
        if not found and (read_only or not create):
            raise no_ledger(location)
        if not found:
            create_file(location, create_table_statements(current_time(clock)), lock_timeout)
        uri = reading_uri(location) if read_only else location.uri("rw")
        with translated_errors(location):
            datastore = SQLiteLedgerDatastore(
                uri, read_only=read_only, synchronous=synchronous, lock_timeout=lock_timeout
            )
            with datastore.get_connection(commit=False) as held:
                connection = held._sqlite_conn  # pyright: ignore[reportPrivateUsage]
                (warn_of_triggers if read_only else check_triggers)(connection, location)
                (warn_of_positions if read_only else check_positions)(connection, location)
            return cls(datastore, location)

    def construct_create_table_statements(self) -> list[str]:
        """The library's tables: none, because a ledger's file is made with its tables when it is opened."""
        return []

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[SQLiteTransaction]:
        """A transaction for tables beside the events."""
        with translated_errors(self._location), self.datastore.get_connection(commit=write) as held:
            connection = held._sqlite_conn  # pyright: ignore[reportPrivateUsage]
            # IMMEDIATE, so that what is checked in the transaction still holds when it commits.
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield SQLiteTransaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                roll_back(connection)
                raise

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Writes events, and with ``receipts`` and ``expected`` what belongs to them. See ``record``."""
        return list(self.record(stored_events, **kwargs))

    def record(
        self,
        events: Sequence[StoredEvent],
        receipts: Sequence[Receipt] = (),
        expected: ExpectedVersions = NOTHING_EXPECTED,
    ) -> Sequence[int]:
        """Writes all of it or nothing, and returns the events' positions."""
        rows = [(event.originator_id, event.originator_version, event.topic, event.state) for event in events]
        with self._writing:
            try:
                with translated_errors(self._location):
                    return self._record(self._writer(), rows, receipts, expected)
            except CommitUncertain:
                raise
            except LedgerError as error:
                raise nothing_recorded(error) from error.__cause__

    def _writer(self) -> sqlite3.Connection:
        """The connection that records: held for good, because fetching one from the pool costs as much as an insert."""
        if self._held is None:
            with translated_errors(self._location):
                self._held = self.datastore.pool._create_connection()  # pyright: ignore[reportPrivateUsage]
        return self._held._sqlite_conn  # pyright: ignore[reportPrivateUsage]

    def _record(
        self,
        connection: sqlite3.Connection,
        rows: Sequence[tuple[object, ...]],
        receipts: Sequence[Receipt],
        expected: ExpectedVersions,
    ) -> Sequence[int]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            positions: Sequence[int] = ()
            before = self._check(connection, expected)
            if rows:
                connection.executemany(self.insert_events_statement, rows)
                # Nobody else writes meanwhile and nothing is ever deleted: row numbers, our positions, are dense.
                (last,) = connection.execute(self.select_max_notification_id_statement).fetchone()
                if last != (before or 0) + len(rows):
                    raise LedgerError(
                        f"{self._location.path}: after position {before or 0}, {len(rows)} events came to position "
                        f"{last}; nothing was recorded",
                        hint="something changed the table of events: compare it with a backup (nilo diff, nilo audit)",
                    )
                positions = range(last - len(rows) + 1, last + 1)
            for receipt in receipts:
                position = positions[receipt.position] if receipt.events else (before or 0) + len(rows)
                connection.execute(
                    "INSERT INTO commands VALUES (?, ?, ?, ?)",
                    (receipt.key, position, receipt.events, receipt.result),
                )
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                # The disk may have failed after the last byte was written: what is stored says whether it counts.
                if not self._is_stored(connection, rows, error):
                    raise
        except BaseException:
            roll_back(connection)
            raise
        return positions

    def _is_stored(
        self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]], why: sqlite3.Error
    ) -> bool:
        """Whether the first of these events is stored, after a commit that failed. Raises ``CommitUncertain``."""
        try:
            roll_back(connection)
            if connection.in_transaction:
                raise why
            if not rows:
                return False
            found = f"SELECT state FROM {self.events_table_name} WHERE originator_id = ? AND originator_version = ?"
            row = connection.execute(found, rows[0][:2]).fetchone()
        except sqlite3.Error:
            raise CommitUncertain(
                f"{self._location.path}: {why}; whether the request was recorded is not known"
            ) from why
        return row is not None and bytes(row[0]) == rows[0][3]

    def _check(self, connection: sqlite3.Connection, expected: ExpectedVersions) -> int | None:
        """The position of the last event, if all is as expected. The versions are asked in the same statement."""
        streams = expected.streams
        last, *versions = connection.execute(
            _select_versions(self.events_table_name, len(streams)), tuple(streams)
        ).fetchone()
        if expected.position is not None and (last or 0) != expected.position:
            raise StaleRead(f"the ledger went on to position {last}")
        for stream, newest in zip(streams, versions, strict=True):
            if (newest or 0) != streams[stream]:
                raise StaleRead(f"{stream} went on to version {newest}")
        if expected.confirm is not None:
            expected.confirm(SQLiteTransaction(connection))
        return cast("int | None", last)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream."""
        with translated_errors(self._location):
            return super().select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events by position."""
        wanted: list[tuple[str, Sequence[object]]] = []
        if start is not None:
            wanted.append(("rowid >= ?" if inclusive_of_start else "rowid > ?", (start,)))
        if stop is not None:
            wanted.append(("rowid <= ?", (stop,)))
        if topics:
            wanted.append((f"topic IN ({', '.join('?' * len(topics))})", topics))
        where = f"WHERE {' AND '.join(condition for condition, _ in wanted)} " if wanted else ""
        # Not the library's statement: a row number that has a name of its own comes under that name.
        select = (
            f"SELECT rowid, originator_id, originator_version, topic, state FROM {self.events_table_name} "
            f"{where}ORDER BY rowid LIMIT ?"
        )
        parameters = [value for _, values in wanted for value in values]
        with translated_errors(self._location), self.datastore.transaction(commit=False) as cursor:
            cursor.execute(select, [*parameters, limit])
            return [
                Notification(id=position, originator_id=stream, originator_version=version, topic=topic, state=state)
                for position, stream, version, topic, state in cursor.fetchall()
            ]

    def max_notification_id(self) -> int:
        """The position of the last event."""
        with translated_errors(self._location):
            return super().max_notification_id()

    def receipts(self, keys: Sequence[str]) -> Sequence[Receipt]:
        """Those of the keys under which something was recorded."""
        with self.transaction(write=False) as database:
            return select_receipts(database, keys)

    def facts(self) -> dict[str, str]:
        """What the ledger says of itself."""
        with self.transaction(write=False) as database:
            return select_facts(database)

    def adopt(self, id: str) -> None:
        """Gives an empty ledger the id of another."""
        with self.transaction(write=True) as database:
            if database.execute(f"SELECT 1 FROM {self.events_table_name} LIMIT 1").fetchone():
                raise LedgerError("a ledger with events keeps its id")
            database.execute("UPDATE ledger SET value = ? WHERE name = 'id'", (id,))

    def bytes_used(self) -> int:
        """The size of the file and of its log."""
        return bytes_used(self._location)

    def close(self) -> None:
        """Closes all connections."""
        if self._held is not None:
            self._held.close()
            self._held = None
        self.datastore.close()


def create_table_statements(created: UtcTime) -> list[str]:
    """The statements that make a ledger's tables: that of events, with the columns that the library reads, and ours."""
    facts = f"INSERT OR IGNORE INTO ledger VALUES ('id', '{uuid.uuid4()}'), ('created', '{created}')"
    return [EVENTS_TABLE, COMMANDS_TABLE, LEDGER_TABLE, facts, *map(once, TRIGGERS.values())]
