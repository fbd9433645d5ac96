"""The roles of docs/backup.md on a real server: a writer that appends and cannot rewrite, and a reader."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from nilometer.errors import LedgerReadOnly
from nilometer.ledger.ledger import Ledger
from tests.nilometer.databases import Server
from tests.nilometer.ledger.asking import a_host, ask, with_web01

PAGE = Path(__file__).parents[4] / "docs" / "backup.md"


@contextmanager
def roles(server: Server, schema: str) -> Generator[tuple[str, str]]:
    """The writer and the reader, made by the statements of the page."""
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    writer, reader = f"w{schema}", f"r{schema}"
    text = block.replace("nilo_writer", writer).replace("nilo_reader", reader)
    text = re.sub(r"\bnilometer\b", schema, text)
    with closing(server.connect()) as owner:
        owner.execute(text.encode())
        try:
            yield writer, reader
        finally:
            for role in (reader, writer):
                owner.execute(f"DROP OWNED BY {role}".encode())
                owner.execute(f"DROP ROLE {role}".encode())


REWRITING = [
    "UPDATE {}.ledger_events SET state = state",
    "DELETE FROM {}.ledger_events",
    "TRUNCATE {}.ledger_events",
    "DELETE FROM {}.commands",
    "UPDATE {}.ledger SET value = 'x'",
    "DROP TABLE {}.ledger_events",
    "ALTER TABLE {}.ledger_events DISABLE TRIGGER ALL",
    "DROP TRIGGER events_are_not_changed ON {}.ledger_events",
    "CREATE TRIGGER spy BEFORE INSERT ON {0}.ledger_events FOR EACH ROW EXECUTE FUNCTION {0}.refuse_to_change_events()",
]


def test_a_writer_appends_and_cannot_rewrite_and_a_reader_reads(postgres: Server, schema: str) -> None:
    with Ledger.open(postgres.url(schema), create=True) as ledger:
        ask(ledger, "register-host", **a_host(host="hv00"))
    with roles(postgres, schema) as (writer, reader):
        with Ledger.open(postgres.url(schema, user=writer)) as ledger:
            with_web01(ledger)
            ledger.catch_up()
            assert ledger.views.compare().equal
            ledger.views.rebuild()
        with Ledger.open(postgres.url(schema, user=reader), read_only=True) as ledger:
            assert (ledger.position, len(ledger.views.fleet().vms)) == (5, 1)
            assert ledger.views.compare().equal
        with pytest.raises(LedgerReadOnly), Ledger.open(postgres.url(schema, user=reader)) as ledger:
            ask(ledger, "stop", vm="web01")
        for user in (writer, reader):
            with closing(postgres.connect(user)) as connection:
                for statement in REWRITING:
                    with pytest.raises(InsufficientPrivilege):
                        connection.execute(statement.format(schema).encode())


def test_the_owner_meets_the_trigger(postgres: Server, schema: str) -> None:
    with Ledger.open(postgres.url(schema), create=True) as ledger:
        with_web01(ledger)
    with closing(postgres.connect()) as connection:
        for statement in REWRITING[:3]:
            with pytest.raises(psycopg.errors.RaiseException, match="events are never changed"):
                connection.execute(statement.format(schema).encode())
