"""Positions begin at 1: an event before that was inserted by somebody, and no page of events has it.

A writer would meet it as a version that is there already, or is missing, without ever seeing it.
"""

from __future__ import annotations

import sqlite3
import warnings

from nilometer.errors import LedgerError, LedgerWarning
from nilometer.storage.store import hidden_event
from nilometer.storage.urls import SQLiteLocation


def _hidden_event(connection: sqlite3.Connection, location: SQLiteLocation) -> LedgerError | None:
    """The error that a file has an event before position 1."""
    # Two lookups by the key: a condition beside MIN would read all events.
    (first,) = connection.execute("SELECT MIN(rowid) FROM stored_events").fetchone()
    if first is None or first >= 1:
        return None
    stream, version = connection.execute(
        "SELECT originator_id, originator_version FROM stored_events WHERE rowid = ?", (first,)
    ).fetchone()
    return hidden_event(str(location.path), first, f"{stream}/{version}")


def check_positions(connection: sqlite3.Connection, location: SQLiteLocation) -> None:
    """Raises ``LedgerError`` if there is an event before position 1: nothing may be decided on its stream."""
    error = _hidden_event(connection, location)
    if error is not None:
        raise error


def warn_of_positions(connection: sqlite3.Connection, location: SQLiteLocation) -> None:
    """Warns who reads of an event before position 1."""
    error = _hidden_event(connection, location)
    if error is not None:
        warnings.warn(f"{error.message}; {error.hint}", LedgerWarning, stacklevel=2)
