"""A damaged value in any column of any table of a ledger's file: an error or a warning with a hint, never a bug."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from itertools import cycle
from pathlib import Path

import pytest

from nilometer.storage.sqlite.triggers import TRIGGERS
from tests.nilometer.cli.calling import Desk
from tests.nilometer.storage.test_attacks import make

DAMAGES = ["x'00'", "'x'", "CAST(x'ff' AS TEXT)", "-1", "1.5"]
TABLES = ["stored_events", "commands", "ledger", "view_streams", "view_timeline", "view_tracking"]
CALLS = [
    ["view"],
    ["view", "--at", "2999-01-01"],
    ["log", "--asked"],
    ["log", "--vm", "web01"],
    ["log", "--format", "json"],
    ["export"],
    ["info"],
    ["repair"],
    ["do", "set-reserve", "hv01", "1GiB"],
    ["do", "add-memory", "web01", "1GiB", "--key", "k"],
    ["replay", "--repair"],
    ["audit"],
]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("golden"))


def columns_of(file: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]


def damage(file: Path, table: str, column: str, value: str) -> bool:
    """Changes a column of a row in the middle, or of all where there are few; false if SQLite refuses that."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        where = "WHERE position = 4" if table in ("stored_events", "view_timeline") else ""
        try:
            connection.execute(f"UPDATE {table} SET {column} = {value} {where}")
        except sqlite3.Error:
            return False
        for trigger in TRIGGERS.values():
            connection.execute(trigger)
    return True


@pytest.mark.parametrize("table", TABLES)
def test_no_damaged_value_is_a_bug(golden: Path, tmp_path: Path, table: str) -> None:
    desk, values, damaged = Desk(tmp_path), cycle(DAMAGES), 0
    for column in columns_of(golden, table):
        value = next(values)
        for file in tmp_path.iterdir():
            file.unlink()
        if not damage(Path(shutil.copy(golden, tmp_path / "ledger.db")), table, column, value):
            continue
        damaged += 1
        for call in CALLS:
            called = desk.call(*call)
            assert called.code in (0, 1, 2, 3), (column, value, call, called.err)
            assert "internal error" not in called.err, (column, value, call)
            if called.code == 2 and call[0] != "replay":
                assert "hint: " in called.err or "cannot be read" in called.err, (column, value, call, called.err)
    assert damaged
