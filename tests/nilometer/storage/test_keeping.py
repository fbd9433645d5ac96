"""Events are never changed: by the database's own triggers, and by what is noticed where these were removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from nilometer.errors import LedgerError, LedgerWarning
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_reader
from nilometer.storage.sqlite.triggers import TRIGGERS
from nilometer.storage.urls import SQLiteLocation, parse_url
from tests.nilometer.databases import Server
from tests.nilometer.ledger.asking import a_host, ask, request, stored, with_web01


def behind_its_back(url: str, server: Server, *statements: str) -> None:
    """Another program on the same database, that knows nothing of ledgers."""
    place = parse_url(url)
    if isinstance(place, SQLiteLocation):
        with closing(sqlite3.connect(place.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement.replace("ledger_events", "stored_events"))
        return
    with server.connect() as admin:
        admin.execute(f'SET search_path = "{place.schema}"'.encode())
        for statement in statements:
            admin.execute(statement.encode())


CHANGES = [
    "UPDATE ledger_events SET state = state WHERE originator_version = 2",
    "UPDATE ledger_events SET originator_version = 9 WHERE originator_version = 2",
    "DELETE FROM ledger_events WHERE originator_id = 'vm/web01'",
    "DELETE FROM ledger_events",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_events(url: str, postgres: Server, change: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        before = stored(ledger)
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match=r"events are never"):
            behind_its_back(url, postgres, change)
        assert stored(ledger) == before


@pytest.mark.parametrize(
    "values",
    ["(2, 'vm/new', 1, 'x/1', x'00')", "(99, 'vm/web01', 1, 'x/1', x'00')", "(NULL, 'vm/web01', 2, 'x/1', x'')"],
)
def test_sqlite_refuses_to_replace_events(tmp_path: Path, values: str) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        with_web01(ledger)
        before = stored(ledger)
        with (
            closing(sqlite3.connect(tmp_path / "ledger.db")) as connection,
            pytest.raises(sqlite3.IntegrityError, match="events are never replaced"),
        ):
            connection.execute(f"INSERT OR REPLACE INTO stored_events VALUES {values}")
        assert stored(ledger) == before


STRANGERS = {
    "sqlite": ["CREATE TRIGGER spy AFTER INSERT ON stored_events BEGIN SELECT 1; END"],
    "postgres": [
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
        "CREATE TRIGGER spy BEFORE INSERT ON ledger_events FOR EACH ROW EXECUTE FUNCTION spy()",
    ],
}


def test_a_trigger_that_nobody_knows_is_said_to_readers_and_stops_writers(url: str, postgres: Server) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    behind_its_back(url, postgres, *STRANGERS[url.partition(":")[0].removesuffix("ql")])
    with pytest.warns(LedgerWarning, match="has the trigger 'spy' on .*_events, which Nilometer did not make"):
        open_reader(url).close()
    with pytest.raises(LedgerError, match="has the trigger 'spy'") as refused:
        Ledger.open(url)
    assert "DROP TRIGGER" in refused.value.hint


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_of_ours_that_does_something_else_is_not_ours(tmp_path: Path, name: str) -> None:
    Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True).close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON stored_events BEGIN SELECT 1; END")
    with pytest.raises(LedgerError, match=f"has the trigger '{name}'"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


def test_a_trigger_that_was_switched_off_is_said(postgres: Server, schema: str) -> None:
    url = postgres.url(schema)
    Ledger.open(url, create=True).close()
    behind_its_back(url, postgres, "ALTER TABLE ledger_events DISABLE TRIGGER events_are_not_changed")
    with pytest.raises(LedgerError, match=r"has the trigger 'events_are_not_changed' .* or somebody changed"):
        Ledger.open(url)


def test_a_trigger_of_ours_that_was_removed_is_put_back_and_said(url: str, postgres: Server) -> None:
    Ledger.open(url, create=True).close()
    on = "" if url.startswith("sqlite") else " ON ledger_events"
    behind_its_back(url, postgres, f"DROP TRIGGER events_are_not_changed{on}")
    with pytest.warns(LedgerWarning, match="had lost the trigger 'events_are_not_changed'.* it was put back"):
        Ledger.open(url).close()
    Ledger.open(url).close()  # without a warning


def test_who_only_reads_on_postgresql_is_told_that_a_trigger_is_missing(postgres: Server, schema: str) -> None:
    url = postgres.url(schema)
    Ledger.open(url, create=True).close()
    behind_its_back(url, postgres, "DROP TRIGGER events_are_not_changed ON ledger_events")
    for _ in range(2):
        with pytest.warns(LedgerWarning, match=r"has lost the trigger .*; its owner puts it back"):
            Ledger.open(url, read_only=True).close()


def without_keeping(url: str, server: Server) -> Sequence[str]:
    """The statements that remove our triggers."""
    if url.startswith("sqlite"):
        return [f"DROP TRIGGER {name}" for name in TRIGGERS]
    return ["DROP TRIGGER events_are_not_changed ON ledger_events"]


@pytest.mark.filterwarnings("ignore::nilometer.errors.LedgerWarning")
def test_a_stream_with_a_gap_is_not_written_on(url: str, postgres: Server) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        ask(ledger, "stop", vm="web01")
    gap = "DELETE FROM ledger_events WHERE originator_id = 'vm/web01' AND originator_version = 2"
    behind_its_back(url, postgres, *without_keeping(url, postgres), gap, "DROP TABLE view_tracking")
    with Ledger.open(url) as ledger:
        before = ledger.position
        with pytest.raises(LedgerError, match="events of vm/web01 are missing: after version 1 comes version 3"):
            ask(ledger, "start", vm="web01")
        assert ledger.position == before
        ledger.close()


@pytest.mark.filterwarnings("ignore::nilometer.errors.LedgerWarning")
def test_a_receipt_that_points_elsewhere_is_not_an_answer(url: str, postgres: Server) -> None:
    with Ledger.open(url, create=True) as ledger:
        ledger.execute(request("register-host", key="k0", **a_host()))
        ledger.execute(request("register-host", key="k1", **a_host(host="hv02")))
    behind_its_back(url, postgres, "UPDATE commands SET events = 2, position = 1 WHERE key = 'k0'")
    with (
        Ledger.open(url) as ledger,
        pytest.raises(LedgerError, match="the receipt of the key 'k0' names positions 1 to 2, and the events there"),
    ):
        ledger.execute(request("register-host", key="k0", **a_host()))


def test_events_that_come_to_other_positions_are_not_recorded(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        with_web01(ledger)
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
            connection.execute(
                "CREATE TRIGGER twice AFTER INSERT ON stored_events WHEN NEW.originator_id NOT LIKE 'x/%' "
                "BEGIN INSERT INTO stored_events VALUES (NULL, 'x/' || NEW.position, 1, 'x/1', x''); END"
            )
        with pytest.raises(LedgerError, match="after position 4, 2 events came to position 8; nothing was recorded"):
            ask(ledger, "stop", vm="web01")
        assert ledger.position == 4
