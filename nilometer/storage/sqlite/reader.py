"""A ledger in a SQLite file, opened to be read: by sqlite3 alone, which opens at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import cast

from nilometer.errors import LedgerReadOnly
from nilometer.storage.sqlite.files import check_file, no_ledger, translated_errors
from nilometer.storage.sqlite.positions import warn_of_positions
from nilometer.storage.sqlite.triggers import warn_of_triggers
from nilometer.storage.store import LOCK_TIMEOUT, RawText, Receipt, Rows, check_receipt, decode_text
from nilometer.storage.urls import SQLiteLocation


class SQLiteTransaction:
    """One transaction, for tables beside the events."""

    blob_type = "BLOB"
    events_table = "stored_events"
    position_column = "rowid"
    raw_text_mark = "CAST(? AS TEXT)"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        """Runs one statement."""
        return self._connection.execute(statement, parameters)

    def select_raw(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The rows that a statement finds, with each text as a ``RawText``."""
        self._connection.text_factory = RawText
        try:
            return [tuple(row) for row in self._connection.execute(statement, parameters)]
        finally:
            self._connection.text_factory = decode_text

    @contextmanager
    def strict_texts(self) -> Generator[None]:
        """Within it, reading a text that is not UTF-8 raises ``UnicodeError``. It is the fastest way to read texts."""
        self._connection.text_factory = str
        try:
            yield
        except sqlite3.OperationalError as error:
            if hasattr(error, "sqlite_errorcode"):  # of SQLite itself
                raise
            raise UnicodeError(str(error)) from None
        finally:
            self._connection.text_factory = decode_text


class SQLiteReader:
    """The events, receipts and stored views in one file. A ``nilometer.storage.store.Store`` that cannot write."""

    def __init__(self, connection: sqlite3.Connection, location: SQLiteLocation) -> None:
        self._connection = connection
        self._location = location

    @classmethod
    def open(cls, location: SQLiteLocation, lock_timeout: float = LOCK_TIMEOUT) -> SQLiteReader:
        """Opens the ledger at ``location``. Raises a ``LedgerError`` that says what is wrong with it."""
        if not check_file(location):
            raise no_ledger(location)
        with translated_errors(location):
            uri = reading_uri(location)
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=lock_timeout)
            connection.text_factory = decode_text
            connection.execute("PRAGMA query_only = 1")
            warn_of_triggers(connection, location)
            warn_of_positions(connection, location)
        return cls(connection, location)

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[SQLiteTransaction]:
        """A transaction that reads at one moment."""
        if write:
            raise LedgerReadOnly(f"{self._location.path} was opened to be read")
        with translated_errors(self._location):
            self._connection.execute("BEGIN")
            try:
                yield SQLiteTransaction(self._connection)
            finally:
                self._connection.execute("ROLLBACK")

    def receipts(self, keys: Sequence[str]) -> Sequence[Receipt]:
        """Those of the keys under which something was recorded."""
        with self.transaction(write=False) as database:
            return select_receipts(database, keys)

    def facts(self) -> dict[str, str]:
        """What the ledger says of itself."""
        with self.transaction(write=False) as database:
            return select_facts(database)

    def bytes_used(self) -> int:
        """The size of the file and of its log."""
        return bytes_used(self._location)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def reading_uri(location: SQLiteLocation) -> str:
    """How to open a file to read it: who may not write beside it reads it as it lies there."""
    if os.access(location.path, os.W_OK):
        return location.uri("rw")
    beside = location.path.absolute().parent
    log = location.path.with_name(location.path.name + "-wal")
    lies_still = not os.access(beside, os.W_OK) and not log.exists()
    return location.uri("ro") + ("&immutable=1" if lies_still else "")


def check_pages(location: SQLiteLocation) -> bool:
    """Whether SQLite finds nothing wrong with the pages of a file."""
    uri = reading_uri(location)
    with translated_errors(location), closing(sqlite3.connect(uri, uri=True)) as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return bool(found == "ok")


def select_receipts(database: SQLiteTransaction, keys: Sequence[str]) -> list[Receipt]:
    """Those of the keys under which something was recorded."""
    marks = ", ".join("?" * len(keys))
    found = f"SELECT key, position, events, result FROM commands WHERE key IN ({marks})"
    return [
        check_receipt(Receipt(*cast("tuple[str, int, int, str | None]", row))) for row in database.execute(found, keys)
    ]


def select_facts(database: SQLiteTransaction) -> dict[str, str]:
    """What the ledger says of itself."""
    facts = {str(name): str(value) for name, value in database.execute("SELECT name, value FROM ledger")}
    row = database.execute("PRAGMA user_version").fetchone()
    return facts | ({} if row is None else {"format": str(row[0])})


def bytes_used(location: SQLiteLocation) -> int:
    """The size of a ledger's file and of its log."""
    log = location.path.with_name(location.path.name + "-wal")
    return location.path.stat().st_size + (log.stat().st_size if log.exists() else 0)
