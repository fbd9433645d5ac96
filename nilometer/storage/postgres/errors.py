"""What PostgreSQL's errors mean, by their SQLSTATE.

A lost connection becomes the library's ``OperationalError``, and is answered by trying again; everything else is final.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from typing import Final, TypeVar

import psycopg
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError

from nilometer.errors import LedgerBusy, LedgerError, LedgerFull, LedgerReadOnly, LedgerUnreachable, NoLedger
from nilometer.storage.recorder import StaleRead
from nilometer.storage.urls import PostgresLocation

T = TypeVar("T")

TRIES: Final = 10
PAUSE: Final = 0.2
"""Seconds between the tries to get a lost connection back; the same as the library's."""

_BUSY = ("55P03", "57014", "40001", "40P01", "53300")
_READING = ("SELECT", "WITH")
_GONE = ("57P01", "57P02", "57P03", "57P05", "25P03")
"""The server is being stopped or started, or closed a connection that lay idle."""


class RefusedStatement(psycopg.errors.InsufficientPrivilege):
    """A statement that this user may not run; ``verb`` is its first word, such as ``SELECT``."""

    def __init__(self, message: str, verb: str) -> None:
        super().__init__(message)
        self.verb = verb


@contextlib.contextmanager
def translated_errors(location: PostgresLocation) -> Generator[None]:
    """Turns what psycopg raises into the errors that say what to do; a lost connection into one to try again."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise IntegrityError(_first_line(error)) from error
    except psycopg.errors.DivisionByZero as error:  # so does what is expected of a stream's version say no
        raise StaleRead("what was read has changed since") from error
    except psycopg.Error as error:
        if _is_lost(error):
            raise OperationalError(_first_line(error)) from error
        raise _to_ledger_error(location, error) from error


@contextlib.contextmanager
def reached(location: PostgresLocation) -> Generator[None]:
    """Says that the server cannot be reached, when trying again was to no avail."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise LedgerUnreachable(
            f"{location} is out of reach: {error}",
            hint="try again when the server answers; what was recorded before is not recorded twice",
        ) from error


def persistently(location: PostgresLocation, work: Callable[[], T]) -> T:
    """Does something again that a lost connection interrupted, a few times."""
    with reached(location):
        for _ in range(TRIES - 1):
            try:
                return work()
            except (OperationalError, InterfaceError):
                time.sleep(PAUSE)
        return work()


def refused_connection(location: PostgresLocation, error: psycopg.Error) -> LedgerError:
    """Why no connection could be made. The server tells it in words alone, and before anybody is let in."""
    why = last_line(error)
    if "does not exist" in why and "database" in why:
        return NoLedger(
            f"there is no ledger at {location}: {why}",
            hint=f"make the database first: createdb {location.database}, or name another ledger with --ledger",
        )
    if "too many clients" in why or "remaining connection slots" in why:
        return LedgerBusy(f"{location} has no connection left: {why}", hint="try again when others are done")
    if "authentication" in why or "password" in why or "role" in why or "pg_hba" in why:
        return LedgerUnreachable(
            f"{location} refuses this user: {why}",
            hint="check the user; give the password in ~/.pgpass or PGPASSWORD, or in the URL",
        )
    return LedgerUnreachable(f"{location} is out of reach: {why}", hint="check host and port, and that the server runs")


def _is_lost(error: psycopg.Error) -> bool:
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith("08") or state in _GONE


def _to_ledger_error(location: PostgresLocation, error: psycopg.Error) -> LedgerError:
    state = error.sqlstate or ""
    if state in _BUSY:
        return LedgerBusy(f"{location} is locked by another program", hint="try again when it is done")
    if state in ("42501", "25006"):
        # A write is sent as several statements at once: which of them was refused is not known.
        verb = error.verb if isinstance(error, RefusedStatement) else ""
        return LedgerReadOnly(
            f"{location} may not be {'read' if verb in _READING else 'written'} by this user: {_first_line(error)}"
            + (f" (in {verb})" if verb else ""),
            hint="ask its owner, or name another ledger",
        )
    if state.startswith("53"):
        return LedgerFull(
            f"there is no room left for {location}: {_first_line(error)}",
            hint="make room and try again",
        )
    return LedgerError(f"{location}: {_first_line(error)}", hint="please report this")


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]


def last_line(error: psycopg.Error) -> str:
    """What a failed connection comes to, of all that was tried."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("\t")]
    return lines[-1].strip() if lines else type(error).__name__
