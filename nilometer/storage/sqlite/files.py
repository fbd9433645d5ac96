"""SQLite files: which are ledgers, how one is made, and what SQLite's errors mean.

A file is judged by the first hundred bytes, read as plain bytes: nothing is locked, created or switched to another
journal by looking. The two numbers that say what it is are written before the first switch to write-ahead logging, so
they are always in the file itself.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Generator
from shlex import quote
from typing import Final

from nilometer.errors import LedgerBusy, LedgerError, LedgerFull, LedgerReadOnly, NoLedger, NotALedger
from nilometer.storage.store import FORMAT, FORMATS
from nilometer.storage.urls import SQLiteLocation
from nilometer.textio.databases import DATABASE_MAGIC, HEADER_BYTES, read_header

APPLICATION_ID: Final = 0x4E494C4F
"""``NILO``: how a ledger's file is known from other people's databases."""

_LOGS_AHEAD: Final = 2
"""The byte at 18 of a file with write-ahead logging."""
_FOLDER: Final = "a ledger's folder must be writable too: SQLite keeps its log beside the file"


def check_file(location: SQLiteLocation) -> bool:
    """Whether there is a ledger at ``location``; ``False`` if there is no file, an empty one, or one being made.

    Raises ``NotALedger`` for anything else that is there, without touching it.
    """
    try:
        if not stat.S_ISREG(location.path.stat().st_mode) and not location.path.is_dir():
            # A pipe would be waited for, and a device be written to.
            raise NotALedger(f"{location.path} is a pipe or a device", hint="name a file with --ledger")
        header = read_header(location.path)
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        hint = f"name a file: sqlite:///{location.path}/nilometer.db"
        raise NotALedger(f"{location.path} is a folder", hint=hint) from None
    except PermissionError:
        raise LedgerReadOnly(
            f"{location.path} may not be read by this user", hint="ask its owner, or name another ledger"
        ) from None
    except OSError as error:  # a name that is too long, a file in the place of a folder, a disk that fails
        shown = str(location.path) if len(str(location.path)) <= 300 else f"{str(location.path)[:60]}…"
        raise NotALedger(f"{shown}: {error.strerror}", hint="name another file with --ledger") from None
    if not header:
        return False
    stranger = f"{location.path} is not a Nilometer ledger; it was not touched"
    if not header.startswith(DATABASE_MAGIC) or len(header) < HEADER_BYTES:
        raise NotALedger(stranger, hint="name another file with --ledger")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        stranger += " (it is another program's SQLite database)"
        raise NotALedger(stranger, hint="name another file with --ledger")
    version = int.from_bytes(header[60:64], "big")
    if version not in FORMATS:
        raise NotALedger(
            f"{location.path} is a ledger of format {version}; "
            f"this Nilometer knows formats {FORMATS[0]} to {FORMATS[-1]}; "
            "it was not touched",
            hint="use the version of Nilometer that wrote it, or a newer one",
        )
    # While it is made a ledger has a rollback journal. Left behind by a program that was killed, it undoes what is in
    # the file when that is next opened: nothing is in it yet. One that was switched to write-ahead logging was made.
    logs_ahead = header[18] == _LOGS_AHEAD
    return logs_ahead or not location.path.with_name(location.path.name + "-journal").exists()


def no_ledger(location: SQLiteLocation) -> NoLedger:
    """The error for a ledger that should be there."""
    return NoLedger(
        f"there is no ledger at {location.path.absolute()}",
        hint="name one with --ledger sqlite:///path/to/file.db, or make it by recording: nilo run SCRIPT.jsonl",
    )


def create_file(location: SQLiteLocation, statements: list[str], lock_timeout: float) -> None:
    """Makes a ledger's file with its tables, in one transaction; two that do so at once make one."""
    path = location.path.resolve()  # a link may lead to a file that is not there yet
    folder = path.parent
    if not folder.is_dir():
        raise NoLedger(f"the folder {folder} does not exist", hint=f"mkdir -p {quote(str(folder))}")
    with contextlib.suppress(FileExistsError, PermissionError):  # what it holds is nobody else's business
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    uri = location.uri("rwc")
    with (
        translated_errors(location),
        contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=lock_timeout)) as connection,
    ):
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")


_ANYTHING: Final = "SELECT 1 FROM stored_events UNION ALL SELECT 1 FROM commands LIMIT 1"


def remove_if_empty(location: SQLiteLocation) -> None:
    """Removes a ledger's file if nothing was recorded in it and no other program has it open."""
    if not location.path.exists():
        return
    with contextlib.closing(sqlite3.connect(location.uri("rw"), uri=True, isolation_level=None, timeout=0)) as database:
        try:
            if database.execute(_ANYTHING).fetchone() is not None:
                return  # before anything else: who is killed in what follows leaves a rollback journal behind
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            if database.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
                return  # SQLite leaves the write-ahead log only if nobody else has the file open
            database.execute("BEGIN EXCLUSIVE")
            if database.execute(_ANYTHING).fetchone() is None:
                location.path.resolve().unlink()  # a link to it was there before
        except (sqlite3.Error, OSError):
            return  # it is busy, or cannot be removed: an empty ledger does no harm


@contextlib.contextmanager
def translated_errors(location: SQLiteLocation) -> Generator[None]:
    """Turns what SQLite raises into the errors that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise to_ledger_error(location, error) from error


def to_ledger_error(location: SQLiteLocation, error: Exception) -> LedgerError:
    """What SQLite raised, as the error that says what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    where = str(location.path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerBusy(f"{where} is locked by another program", hint="try again when it is done")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        if os.access(location.path, os.W_OK) and not os.access(location.path.absolute().parent, os.W_OK):
            return LedgerReadOnly(f"{where} cannot be written: its folder may not be, by this user", hint=_FOLDER)
        return LedgerReadOnly(f"{where} may not be written by this user", hint="ask its owner, or name another ledger")
    if code == sqlite3.SQLITE_FULL:
        return LedgerFull(f"there is no room left for {where}", hint="make room and try again")
    if code == sqlite3.SQLITE_CANTOPEN:
        return LedgerReadOnly(f"{where} cannot be opened by this user", hint=_FOLDER)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return NotALedger(
            f"{where} is damaged: SQLite cannot read it", hint="restore it from a copy or an export (nilo import)"
        )
    if code == sqlite3.SQLITE_IOERR:
        hint = "look at the disk and its messages (dmesg), and at the limit for files: ulimit -f"
        return LedgerError(f"{where} cannot be read or written any further: the system refuses it", hint=hint)
    if isinstance(error, sqlite3.OperationalError):
        return LedgerError(f"{where}: {error}")
    return LedgerError(f"{where}: {error}", hint="please report this")
