"""The triggers of a ledger's file: its own refuse to change events, and no other may be there.

A trigger is known by its exact SQL: one that has our name and does something else is not ours.
"""

from __future__ import annotations

import sqlite3
import warnings
from shlex import quote
from typing import Final

from nilometer.errors import LedgerError, LedgerWarning
from nilometer.storage.urls import SQLiteLocation

TRIGGERS: Final = {
    "events_are_not_changed": (
        "CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON stored_events "
        "BEGIN SELECT RAISE(ABORT, 'events are never changed'); END"
    ),
    "events_are_not_deleted": (
        "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON stored_events "
        "BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END"
    ),
    # INSERT OR REPLACE deletes what is in its way, and no trigger for deletions sees it. FAIL, because ABORT makes
    # SQLite keep a journal of each statement.
    "events_are_not_replaced": (
        "CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON stored_events "
        "WHEN EXISTS (SELECT 1 FROM stored_events WHERE position = NEW.position OR "
        "(originator_id = NEW.originator_id AND originator_version = NEW.originator_version)) "
        "BEGIN SELECT RAISE(FAIL, 'events are never replaced'); END"
    ),
}
"""What a ledger of format 2 has, by name."""


def once(statement: str) -> str:
    """The statement that makes a trigger unless it is there. SQLite keeps the SQL without this condition."""
    return statement.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS", 1)


def find_triggers(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """The triggers of a file: the SQL of each, and its table, by name."""
    rows = connection.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    return {name: (sql, table) for name, sql, table in rows}


def unknown_trigger(location: SQLiteLocation, found: dict[str, tuple[str, str]]) -> LedgerError | None:
    """The error that a file has a trigger that is not ours."""
    for name, (sql, table) in sorted(found.items()):
        if sql != TRIGGERS.get(name):
            return LedgerError(
                f"{location.path} has the trigger {name!r} on {table}, which Nilometer did not make: "
                "it may change what is recorded",
                hint="look at it and remove it: "
                f"sqlite3 {quote(str(location.path))} 'DROP TRIGGER \"{name}\"', then nilo audit",
            )
    return None


def missing_triggers(found: dict[str, tuple[str, str]]) -> list[str]:
    """The names of our triggers that a file of format 2 lacks."""
    return [name for name in TRIGGERS if name not in found]


def warn_of_triggers(connection: sqlite3.Connection, location: SQLiteLocation) -> None:
    """Warns who reads of a trigger that is not ours."""
    error = unknown_trigger(location, find_triggers(connection))
    if error is not None:
        warnings.warn(error.message, LedgerWarning, stacklevel=2)


def check_triggers(connection: sqlite3.Connection, location: SQLiteLocation) -> None:
    """Raises ``LedgerError`` if there is a trigger that is not ours. One of ours that is missing is put back."""
    found = find_triggers(connection)
    error = unknown_trigger(location, found)
    if error is not None:
        raise error
    missing = missing_triggers(found)
    if not missing or connection.execute("PRAGMA user_version").fetchone()[0] < 2:
        return
    for name in missing:
        connection.execute(once(TRIGGERS[name]))
    warnings.warn(
        f"{location.path} had lost the trigger {missing[0]!r}, which keeps events from being changed; it was put back. "
        "Events may have been changed meanwhile: nilo audit",
        LedgerWarning,
        stacklevel=2,
    )
