"""How often one command goes to the database: counted in what SQLite is asked to run."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import a_host, ask, with_web01


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All statements that are run from now on."""
    found: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger on two hosts, on one of which a VM runs; its views are caught up."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        ask(ledger, "register-host", **a_host(host="hv02"))
    return url


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("add-memory", {"vm": "web01", "amount": "1GiB"}),
        ("add-memory", {"vm": "web01", "amount": "1000TiB"}),  # granted in part
        ("resume", {"vm": "web01"}),  # refused
        ("move-vm", {"vm": "web01", "to": "hv02"}),
        ("set-reserve", {"host": "hv02", "reserve": "1GiB"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_command_is_loaded_written_and_caught_up_in_five_transactions(
    url: str, statements: list[str], command: str, given: dict[str, Any]
) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, command, **given)
    # What the ledger is; load; write; and of the views the new events, and the update.
    assert sum(statement.startswith("BEGIN") for statement in statements) == 5
    # Whether there are tables of a ledger, and of views; whether its triggers are those that it was made with, and
    # whether the tables of views have all indexes.
    assert sum("sqlite_master" in statement for statement in statements) == 4


def test_what_is_remembered_is_not_loaded_again(url: str, statements: list[str]) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "pause", vm="web01")
        statements.clear()
        ask(ledger, "resume", vm="web01")
        assert sum(statement.startswith("BEGIN") for statement in statements) == 1
