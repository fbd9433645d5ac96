"""Schemas of a PostgreSQL database: which are ledgers, and how one is made.

Looking changes nothing: what a schema holds is read from the catalogue, and other people's tables are never read.
"""

from __future__ import annotations

import enum
import uuid
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from nilometer.errors import LedgerReadOnly, NoLedger, NotALedger
from nilometer.storage.store import FORMAT
from nilometer.storage.urls import PostgresLocation
from nilometer.times import current_time

EVENTS_TABLE: Final = "ledger_events"

_TABLES: Final[tuple[LiteralString, ...]] = (
    (
        "CREATE TABLE {schema}.ledger_events ("
        'originator_id text COLLATE "C" NOT NULL, originator_version bigint NOT NULL, '
        "topic text NOT NULL, state bytea NOT NULL, notification_id bigint NOT NULL UNIQUE, "
        "PRIMARY KEY (originator_id, originator_version))"
    ),
    (
        'CREATE TABLE {schema}.commands (key text COLLATE "C" PRIMARY KEY, position bigint NOT NULL, '
        "events bigint NOT NULL, result text)"
    ),
    "CREATE TABLE {schema}.ledger (name text PRIMARY KEY, value text NOT NULL)",
)
_OURS: Final = {"ledger_events", "commands", "ledger"}

_HELD: Final = (
    "SELECT n.oid IS NOT NULL, has_schema_privilege(n.oid, 'USAGE'), "
    "coalesce((SELECT array_agg(c.relname::text) FROM pg_catalog.pg_class c "
    "WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')), '{}'), "
    "coalesce((SELECT array_agg(a.attname::text) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a "
    "ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "WHERE c.relnamespace = n.oid AND c.relname = 'ledger'), '{}') "
    "FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %s"
)


class Held(enum.Enum):
    """What a schema holds."""

    NO_SCHEMA = enum.auto()
    NOTHING = enum.auto()
    LEDGER = enum.auto()


def check_schema(connection: Connection[Any], location: PostgresLocation) -> Held:
    """What the schema at ``location`` holds. Raises ``NotALedger`` for what is not ours, without touching it."""
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(_HELD, (location.schema,)).fetchone()
    assert row is not None
    exists, may_look, tables, columns = row
    if not exists:
        return Held.NO_SCHEMA
    if not tables:
        return Held.NOTHING
    stranger = f"{location} is not a Nilometer ledger; it was not touched"
    other = "name another schema with --ledger postgresql://…/database?schema=name"
    if not set(tables) >= _OURS or set(columns) != {"name", "value"}:
        raise NotALedger(f"{stranger} (the schema holds other tables: {', '.join(sorted(tables)[:3])})", hint=other)
    ledger = SQL("{}.ledger").format(Identifier(location.schema))
    readable = "SELECT has_table_privilege(%s, 'SELECT')"
    if not may_look or cursor.execute(readable, (ledger.as_string(connection),)).fetchone() != (True,):
        raise LedgerReadOnly(f"{location} may not be read by this user", hint="ask its owner, or name another ledger")
    facts: dict[str, str] = dict(cursor.execute(SQL("SELECT name, value FROM {}").format(ledger)).fetchall())
    if not {"id", "created", "format"} <= set(facts):
        raise NotALedger(stranger, hint=other)
    if facts["format"] != str(FORMAT):
        raise NotALedger(
            f"{location} is a ledger of format {facts['format']}; this Nilometer knows format {FORMAT}; "
            "it was not touched",
            hint="use the version of Nilometer that wrote it, or a newer one",
        )
    return Held.LEDGER


def create_schema(connection: Connection[Any], location: PostgresLocation) -> None:
    """Makes a ledger's schema and tables, in one transaction; two that do so at once make one."""
    schema = Identifier(location.schema)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"nilometer {location.schema}",))
        held = check_schema(connection, location)
        if held is Held.LEDGER:
            return
        if held is Held.NO_SCHEMA:
            connection.execute(SQL("CREATE SCHEMA {}").format(schema))
        for statement in _TABLES:
            connection.execute(composed(statement, location))
        facts = ["id", str(uuid.uuid4()), "created", current_time(), "format", str(FORMAT)]
        connection.execute(SQL("INSERT INTO {}.ledger VALUES (%s, %s), (%s, %s), (%s, %s)").format(schema), facts)


def composed(statement: LiteralString, location: PostgresLocation) -> Composed:
    """A statement with ``{schema}`` in it, on the schema of ``location``."""
    return SQL(statement).format(schema=Identifier(location.schema))


def no_ledger(location: PostgresLocation) -> NoLedger:
    """The error for a ledger that should be there."""
    return NoLedger(
        f"there is no ledger at {location}",
        hint=f"name one with --ledger, or make it by recording: nilo run SCRIPT.jsonl --ledger '{location}'",
    )
