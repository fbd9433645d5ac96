"""Ledgers that were made for something that failed: nothing of them is left, on both databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nilometer.errors import LedgerError, NoLedger
from nilometer.ledger.backup import back_up, restore_backup
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.making import removed_if_empty
from tests.nilometer.cli.calling import Desk
from tests.nilometer.databases import Server
from tests.nilometer.ledger.asking import a_host, ask, with_web01
from tests.paths import RECORDINGS

S7 = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def is_there(url: str) -> bool:
    try:
        Ledger.open(url, read_only=True).close()
    except NoLedger:
        return False
    return True


def count_kept(server: Server, name: str) -> int:
    """How much there is of a schema: itself, its tables and functions."""
    with server.connect() as connection:
        held = connection.execute(
            "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = %(name)s) + "
            "(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %(name)s) + "
            "(SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = %(name)s)",
            {"name": name},
        ).fetchone()
    assert held is not None
    return int(str(held[0]))


@pytest.mark.parametrize("command", [["import-qemu"], ["import-hyperv"], ["import"]])
def test_an_import_that_fails_leaves_no_ledger_behind(url: str, desk: Desk, command: list[str]) -> None:
    bad = desk.write("bad.jsonl", b"not a record\n")
    assert desk.call(*command, bad, "--ledger", url).code == 2
    assert not is_there(url)


@pytest.mark.parametrize(
    "args",
    [
        ("run", "-"),
        ("run", "-", "--keep-going"),
        ("do", "register-host", "h", "--version", "2022", "--total", "64GiB", "--reserve", "0", "--at", "2999-01-01"),
        ("record", "x", "--new", "--asked", "4GiB", "--before", "2GiB", "--after", "4GiB", "--happened", "2999-01-01"),
    ],
    ids=lambda args: args[0],
)
def test_whatever_records_nothing_leaves_no_ledger_behind(url: str, desk: Desk, args: tuple[str, ...]) -> None:
    script = '{"command": "start", "vm": "x"}\nbad\n'
    assert desk.call(*args, "--ledger", url, stdin=script).code == 2
    assert not is_there(url)


def test_an_answer_that_is_remembered_keeps_the_ledger(url: str, desk: Desk) -> None:
    args = ("register-host", "h", "--version", "2022", "--total", "1MiB", "--reserve", "5GiB")
    assert desk.call("do", *args, "--ledger", url).code == 1
    assert is_there(url)


def test_what_an_import_made_on_postgresql_is_gone_with_its_schema(postgres: Server, schema: str, desk: Desk) -> None:
    assert desk.call("import-qemu", desk.write("bad.jsonl", b"{}\n"), "--ledger", postgres.url(schema)).code == 2
    assert count_kept(postgres, schema) == 0


def test_a_schema_that_was_there_before_stays(postgres: Server, schema: str, desk: Desk) -> None:
    with postgres.connect() as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    assert desk.call("import-qemu", desk.write("bad.jsonl", b"{}\n"), "--ledger", postgres.url(schema)).code == 2
    assert count_kept(postgres, schema) == 1


def test_a_ledger_that_was_there_or_that_others_have_open_stays(url: str) -> None:
    with removed_if_empty(url):
        other = Ledger.open(url, create=True)
    assert is_there(url)  # the other has it open
    with removed_if_empty(url):
        other.close()
    assert is_there(url)  # it was there


def test_a_ledger_in_which_something_was_recorded_stays(url: str) -> None:
    with removed_if_empty(url), Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
    assert is_there(url)


def test_a_restore_that_fails_leaves_no_ledger_behind(url: str, tmp_path: Path) -> None:
    made, backup = f"sqlite:///{tmp_path}/made.db", tmp_path / "backup.db"
    with Ledger.open(made, create=True) as ledger:
        with_web01(ledger)
    back_up(made, backup)
    with sqlite3.connect(backup) as damaged:  # two events at one position: no ledger takes them
        damaged.execute("CREATE TABLE twice AS SELECT * FROM stored_events")
        damaged.execute("INSERT INTO twice SELECT * FROM stored_events ORDER BY position DESC LIMIT 1")
        damaged.execute("DROP TABLE stored_events")
        damaged.execute("ALTER TABLE twice RENAME TO stored_events")
    damaged.close()
    with pytest.raises(LedgerError) as error:
        restore_backup(backup, url)
    assert "backup.db" in error.value.message
    assert error.value.hint
    assert not is_there(url)
