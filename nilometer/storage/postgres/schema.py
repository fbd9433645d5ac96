"""Schemas of a PostgreSQL database: which are ledgers, and how one is made.

Looking changes nothing: what a schema holds is read from the catalogue, and other people's tables are never read.
"""

from __future__ import annotations

import enum
import uuid
import warnings
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.errors import DuplicateObject, InsufficientPrivilege, LockNotAvailable
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

from domain.identifiers import UtcTime
from nilometer.errors import LedgerError, LedgerReadOnly, LedgerWarning, NoLedger, NotALedger
from nilometer.storage.postgres.connections import open_lock
from nilometer.storage.store import FORMAT, FORMATS, hidden_event
from nilometer.storage.urls import PostgresLocation

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
_KEEPING: Final[tuple[LiteralString, ...]] = (
    (
        "CREATE OR REPLACE FUNCTION {schema}.refuse_to_change_events() RETURNS trigger LANGUAGE plpgsql "
        "AS $$BEGIN RAISE EXCEPTION 'events are never changed'; END$$"
    ),
    (
        "CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.ledger_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_to_change_events()"
    ),
)
"""What keeps events from being changed, since format 2."""
_TRIGGERS: Final = (
    "SELECT t.tgname::text AS name, c.relname::text, 'trigger', "
    "t.tgname = 'events_are_not_changed' AND c.relname = 'ledger_events' "
    "AND t.tgenabled IN ('O', 'A') AND t.tgtype = 58 AND t.tgqual IS NULL AND t.tgattr = '' "
    "AND p.proname = 'refuse_to_change_events' AND p.pronamespace = c.relnamespace "
    "AND p.prosrc = 'BEGIN RAISE EXCEPTION ''events are never changed''; END' "
    "FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
    "JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = %(schema)s::regnamespace "
    "UNION ALL SELECT r.rulename::text, c.relname::text, 'rule', false "
    "FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class "
    "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = %(schema)s::regnamespace ORDER BY name"
)
"""What may do something else than a statement says: triggers, and rules, of which Nilometer makes none."""
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


_ALL_TABLES: Final = (
    "SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
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
    if facts["format"] not in map(str, FORMATS):
        raise NotALedger(
            f"{location} is a ledger of format {facts['format']}; "
            f"this Nilometer knows formats {FORMATS[0]} to {FORMATS[-1]}; "
            "it was not touched",
            hint="use the version of Nilometer that wrote it, or a newer one",
        )
    return Held.LEDGER


def create_schema(connection: Connection[Any], location: PostgresLocation, created: UtcTime) -> None:
    """Makes a ledger's schema and tables, in one transaction; two that do so at once make one."""
    schema = Identifier(location.schema)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"nilometer {location.schema}",))
        held = check_schema(connection, location)
        if held is Held.LEDGER:
            return
        if held is Held.NO_SCHEMA:
            connection.execute(SQL("CREATE SCHEMA {}").format(schema))
        for statement in (*_TABLES, *_KEEPING):
            connection.execute(composed(statement, location))
        facts = ["id", str(uuid.uuid4()), "created", created, "format", str(FORMAT)]
        connection.execute(SQL("INSERT INTO {}.ledger VALUES (%s, %s), (%s, %s), (%s, %s)").format(schema), facts)


def check_positions(connection: Connection[Any], location: PostgresLocation, *, read_only: bool) -> None:
    """Raises ``LedgerError`` if there is an event before position 1; who only reads is warned."""
    select = SQL(
        "SELECT notification_id, originator_id, originator_version FROM {}.ledger_events "
        "WHERE notification_id < 1 ORDER BY 1 LIMIT 1"
    ).format(Identifier(location.schema))
    found = connection.cursor(row_factory=tuple_row).execute(select).fetchone()
    if found is None:
        return
    position, stream, version = found
    error = hidden_event(str(location), position, f"{stream}/{version}")
    if not read_only:
        raise error
    warnings.warn(f"{error.message}; {error.hint}", LedgerWarning, stacklevel=2)


def check_triggers(connection: Connection[Any], location: PostgresLocation, *, read_only: bool) -> None:
    """Raises ``LedgerError`` if a table has a trigger or rule that is not ours; who only reads is warned.

    Ours is put back if it was removed; that is said, also to who may not put it back.
    """
    schema = Identifier(location.schema)
    cursor = connection.cursor(row_factory=tuple_row)
    found = cursor.execute(_TRIGGERS, {"schema": schema.as_string(connection)}).fetchall()
    for name, table, kind, is_ours in found:
        if is_ours:
            continue
        drop = f'DROP {kind.upper()} "{name}" ON {location.schema}.{table}'
        error = LedgerError(
            f"{location} has the {kind} {name!r} on {table}, which Nilometer did not make or somebody changed: "
            "it may change what is recorded",
            hint=f"look at it and remove it: {drop}; then nilo audit",
        )
        if not read_only:
            raise error
        warnings.warn(error.message, LedgerWarning, stacklevel=2)
    if any(is_ours for *_, is_ours in found):
        return
    select = SQL("SELECT value FROM {}.ledger WHERE name = 'format'").format(schema)
    if cursor.execute(select).fetchone() == ("1",):
        return
    put_back = not read_only and _put_back(connection, location)
    had = "had lost" if put_back else "has lost"
    then = "; it was put back" if put_back else "; its owner puts it back with the next command that records"
    warnings.warn(
        f"{location} {had} the trigger 'events_are_not_changed', which keeps events from being changed{then}. "
        "Events may have been changed meanwhile: nilo audit",
        LedgerWarning,
        stacklevel=2,
    )


def _put_back(connection: Connection[Any], location: PostgresLocation) -> bool:
    """Puts our trigger back; ``False`` if only the owner of the table may, or somebody else keeps it locked."""
    try:
        with connection.transaction():
            for statement in _KEEPING:
                connection.execute(composed(statement, location))
    except (InsufficientPrivilege, LockNotAvailable):
        return False
    except DuplicateObject:
        return True  # another was faster
    return True


def remove_if_empty(connection: Connection[Any], location: PostgresLocation, *, with_schema: bool) -> None:
    """Removes a ledger's tables if nothing was recorded and nobody else has it open, and with them its schema."""
    schema = Identifier(location.schema)
    with connection.transaction():
        cursor = connection.cursor(row_factory=tuple_row)
        alone = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
        if cursor.execute(alone, (open_lock(location),)).fetchone() != (True,):
            return
        if check_schema(connection, location) is not Held.LEDGER:
            return
        anything = "SELECT EXISTS (SELECT FROM {schema}.ledger_events) OR EXISTS (SELECT FROM {schema}.commands)"
        if cursor.execute(composed(anything, location)).fetchone() != (False,):
            return
        tables = [name for (name,) in cursor.execute(_ALL_TABLES, (location.schema,)).fetchall()]
        if any(name not in _OURS and not name.startswith("view_") for name in tables):
            return
        for name in tables:
            connection.execute(SQL("DROP TABLE {}.{}").format(schema, Identifier(name)))
        connection.execute(composed("DROP FUNCTION IF EXISTS {schema}.refuse_to_change_events()", location))
        if with_schema:
            connection.execute(SQL("DROP SCHEMA {}").format(schema))


def composed(statement: LiteralString, location: PostgresLocation) -> Composed:
    """A statement with ``{schema}`` in it, on the schema of ``location``."""
    return SQL(statement).format(schema=Identifier(location.schema))


def no_ledger(location: PostgresLocation) -> NoLedger:
    """The error for a ledger that should be there."""
    return NoLedger(
        f"there is no ledger at {location}",
        hint=f"name one with --ledger, or make it by recording: nilo run SCRIPT.jsonl --ledger '{location}'",
    )
