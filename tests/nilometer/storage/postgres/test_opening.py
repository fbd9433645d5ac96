"""Schemas and servers that cannot be used: what is said, and that nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from socket import socket
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from nilometer.errors import (
    LedgerBusy,
    LedgerError,
    LedgerFull,
    LedgerReadOnly,
    LedgerUnreachable,
    LedgerWarning,
    NoLedger,
    NotALedger,
)
from nilometer.ledger.ledger import Ledger
from nilometer.storage.postgres.connections import Connections
from nilometer.storage.postgres.errors import translated_errors
from nilometer.storage.urls import PostgresLocation, parse_url
from tests.nilometer.databases import Server, Way
from tests.nilometer.ledger.asking import a_host, ask, stored

Connection = psycopg.Connection[tuple[object, ...]]
WAYS: list[Way] = [{"read_only": True}, {}, {"create": True}]


@pytest.fixture
def admin(postgres: Server) -> Iterator[Connection]:
    """The server's owner."""
    with closing(postgres.connect()) as connection:
        yield connection


def catalogue(admin: Connection, schema: str) -> list[tuple[object, ...]]:
    """The schema, if it is there, and every table, index and type in it."""
    return admin.execute(
        "SELECT nspname, relname, relkind FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid "
        "WHERE nspname = %s UNION ALL SELECT nspname, typname, 't' FROM pg_namespace n "
        "JOIN pg_type t ON t.typnamespace = n.oid WHERE nspname = %s ORDER BY 1, 2, 3",
        (schema, schema),
    ).fetchall()


def refused(url: str, error: type[LedgerError], ways: list[Way] = WAYS) -> tuple[str, str]:
    """What is said of a place, the same however it is opened."""
    said: set[tuple[str, str]] = set()
    for way in ways:
        with pytest.raises(error) as caught:
            Ledger.open(url, **way)
        said.add((str(caught.value), caught.value.hint))
    (one,) = said
    return one


@pytest.fixture
def url(postgres: Server, schema: str) -> str:
    """Where there is no ledger yet."""
    return postgres.url(schema)


@pytest.fixture
def role(admin: Connection, schema: str) -> Iterator[str]:
    """A user of the server who may do nothing."""
    name = f"u{uuid4().hex[:12]}"
    admin.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
    yield name
    admin.execute(SQL("DROP OWNED BY {}").format(Identifier(name)))
    admin.execute(SQL("DROP ROLE {}").format(Identifier(name)))


class TestStrangers:
    @pytest.mark.parametrize(
        "theirs",
        [
            ["CREATE TABLE customers (name text)"],
            ["CREATE TABLE ledger (id bigint, amount numeric)"],
            ["CREATE TABLE ledger (name text, value text)", "INSERT INTO ledger VALUES ('id', 'x')"],
            ["CREATE VIEW everything AS SELECT 1 AS one"],
            [
                "CREATE TABLE ledger (name text, value text)",
                "CREATE TABLE ledger_events (x int)",
                "CREATE TABLE commands (x int)",
            ],
        ],
    )
    def test_a_schema_with_other_peoples_tables_is_not_touched(
        self, admin: Connection, url: str, schema: str, theirs: list[str]
    ) -> None:
        admin.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        admin.execute(SQL("SET search_path = {}").format(Identifier(schema)))
        for statement in theirs:
            admin.execute(statement.encode())
        before = catalogue(admin, schema)
        message, hint = refused(url, NotALedger)
        assert message.startswith(f"{parse_url(url)} is not a Nilometer ledger; it was not touched")
        assert "schema=" in hint
        assert catalogue(admin, schema) == before

    def test_a_ledger_of_a_later_format_is_not_touched(self, admin: Connection, url: str, schema: str) -> None:
        Ledger.open(url, create=True).close()
        admin.execute(SQL("UPDATE {}.ledger SET value = '3' WHERE name = 'format'").format(Identifier(schema)))
        before = catalogue(admin, schema)
        message, hint = refused(url, NotALedger)
        assert "is a ledger of format 3; this Nilometer knows formats 1 to 2; it was not touched" in message
        assert "newer" in hint
        assert catalogue(admin, schema) == before

    def test_an_empty_schema_becomes_a_ledger(self, admin: Connection, url: str, schema: str) -> None:
        admin.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        refused(url, NoLedger, [{"read_only": True}, {}])
        with Ledger.open(url, create=True) as ledger:
            assert ask(ledger, "register-host", **a_host()).positions == (1,)

    def test_a_ledgers_schema_may_have_any_name(self, admin: Connection, postgres: Server) -> None:
        name = 'Aufzeichnungen, "Größe" {}'
        url = postgres.url("Aufzeichnungen, %22Größe%22 {}")
        try:
            with Ledger.open(url, create=True) as ledger:
                ask(ledger, "register-host", **a_host())
            with Ledger.open(url, read_only=True) as ledger:
                assert ledger.position == 1
                assert ledger.views.fleet().hosts
        finally:
            admin.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))


class TestWhatIsNotThere:
    def test_a_schema_that_is_not_there_is_told_with_its_url(
        self, admin: Connection, url: str, postgres: Server, schema: str
    ) -> None:
        before = catalogue(admin, schema)
        message, hint = refused(url, NoLedger, [{"read_only": True}, {}])
        where = f"postgresql://postgres@{str(postgres.socket_dir).replace('/', '%2F')}/postgres?schema={schema}"
        assert message == f"there is no ledger at {where}"
        assert "nilo run SCRIPT.jsonl" in hint
        assert catalogue(admin, schema) == before

    def test_a_database_that_is_not_there_is_not_made(self, postgres: Server) -> None:
        message, hint = refused(postgres.url("x", database="nowhere"), NoLedger)
        assert message.startswith("there is no ledger at postgresql://")
        assert 'database "nowhere" does not exist' in message
        assert hint.startswith("make the database first: createdb nowhere")


class TestUnreachable:
    def test_a_server_that_does_not_answer(self) -> None:
        with closing(socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        message, hint = refused(f"postgresql://me:secret@127.0.0.1:{port}/db", LedgerUnreachable)
        assert message.startswith(f"postgresql://me:***@127.0.0.1:{port}/db?schema=nilometer is out of reach: ")
        assert hint == "check host and port, and that the server runs"

    def test_a_user_who_is_not_let_in_and_never_sees_a_password(self, postgres: Server) -> None:
        url = postgres.url("x", user="nobody:secret")
        message, hint = refused(url, LedgerUnreachable)
        assert 'role "nobody" does not exist' in message
        assert "secret" not in message + hint
        assert "***" in message
        assert "PGPASSWORD" in hint

    def test_a_connection_that_the_server_closed_is_regained(self, admin: Connection, url: str, schema: str) -> None:
        with Ledger.open(url, create=True) as ledger:
            for step in (
                lambda: ask(ledger, "register-host", **a_host()).positions,
                lambda: ask(ledger, "set-reserve", host="hv01", reserve="1GiB").positions,
                lambda: len(stored(ledger)),
                lambda: ledger.position,
                lambda: len(ledger.views.fleet().hosts),
            ):
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
                    (f"nilometer {schema}",),
                )
                assert step()
            assert ledger.position == 2


def lock_and_read(location: PostgresLocation) -> None:
    """Locks the events and reads, without a pause; the answer to the lock comes while one of the reads is sent."""
    connections = Connections(location, read_only=False, durable=True, lock_timeout=10)
    with (
        closing(connections),
        translated_errors(location),
        connections.connection() as connection,
        connection.pipeline(),
    ):
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE ledger_events IN EXCLUSIVE MODE")
        while True:
            connection.execute("SELECT 1")


class TestPermissions:
    def grant(self, admin: Connection, schema: str, role: str, *rights: str) -> None:
        names = {"schema": Identifier(schema), "role": Identifier(role)}
        for right in rights:
            admin.execute(SQL(right).format(**names))  # pyright: ignore[reportArgumentType]

    @pytest.fixture
    def events(self, url: str) -> list[tuple[str, int, str, bytes]]:
        with Ledger.open(url, create=True) as ledger:
            ask(ledger, "register-host", **a_host())
            return stored(ledger)

    def test_who_may_only_read_reads_and_is_told_when_writing(
        self,
        admin: Connection,
        postgres: Server,
        schema: str,
        role: str,
        events: list[tuple[str, int, str, bytes]],
    ) -> None:
        self.grant(
            admin,
            schema,
            role,
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        )
        url = postgres.url(schema, user=role)
        with Ledger.open(url, read_only=True) as reader:
            assert stored(reader) == events
        with Ledger.open(url) as writer:
            with pytest.raises(LedgerReadOnly, match="may not be written by this user: permission denied") as error:
                ask(writer, "set-reserve", host="hv01", reserve="1GiB")
            assert error.value.hint == "ask its owner, or name another ledger"
            assert stored(writer) == events

    @pytest.mark.parametrize(("table", "verb"), [("ledger_events", "SELECT"), ("view_timeline", "WITH")])
    @pytest.mark.usefixtures("events")
    def test_who_may_not_read_a_part_is_told_that_reading_was_refused(
        self, admin: Connection, postgres: Server, schema: str, role: str, table: str, verb: str
    ) -> None:
        self.grant(
            admin,
            schema,
            role,
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        )
        admin.execute(f"REVOKE SELECT ON {schema}.{table} FROM {role}".encode())
        why = rf"may not be read by this user: permission denied for table {table} \(in {verb}\)$"
        with (
            pytest.raises(LedgerReadOnly, match=why),
            Ledger.open(postgres.url(schema, user=role), read_only=True) as reader,
        ):
            reader.views.actors()

    @pytest.mark.usefixtures("events")
    def test_a_refusal_that_is_read_with_a_later_statement_is_not_said_of_that_one(
        self, admin: Connection, postgres: Server, schema: str, role: str
    ) -> None:
        self.grant(
            admin,
            schema,
            role,
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        )
        location = parse_url(postgres.url(schema, user=role))
        assert isinstance(location, PostgresLocation)
        with pytest.raises(LedgerReadOnly, match=r"may not be written by this user: .* table ledger_events$"):
            lock_and_read(location)

    @pytest.mark.parametrize("rights", [[], ["GRANT USAGE ON SCHEMA {schema} TO {role}"]])
    @pytest.mark.usefixtures("events")
    def test_who_may_not_read_is_told(
        self, admin: Connection, postgres: Server, schema: str, role: str, rights: list[str]
    ) -> None:
        self.grant(admin, schema, role, *rights)
        message, hint = refused(postgres.url(schema, user=role), LedgerReadOnly)
        assert message.endswith("may not be read by this user")
        assert hint == "ask its owner, or name another ledger"

    def test_who_may_not_make_a_schema_is_told(
        self, admin: Connection, postgres: Server, schema: str, role: str
    ) -> None:
        before = catalogue(admin, schema)
        with pytest.raises(LedgerReadOnly):
            Ledger.open(postgres.url(schema, user=role), create=True)
        assert catalogue(admin, schema) == before


class TestTrouble:
    def test_who_cannot_have_the_lock_says_so_and_has_recorded_nothing(
        self, admin: Connection, url: str, schema: str
    ) -> None:
        with Ledger.open(url, create=True, lock_timeout=0.05) as ledger:
            ask(ledger, "register-host", **a_host())
            before = stored(ledger)
            with admin.transaction():
                admin.execute(SQL("LOCK TABLE {}.ledger_events IN EXCLUSIVE MODE").format(Identifier(schema)))
                with pytest.raises(LedgerBusy, match="is locked by another program") as error:
                    ask(ledger, "set-reserve", host="hv01", reserve="1GiB")
                assert error.value.hint == "try again when it is done"
                assert stored(ledger) == before  # readers read on
            assert ask(ledger, "set-reserve", host="hv01", reserve="1GiB").positions == (2,)

    def test_what_there_is_no_room_for_is_not_recorded_at_all(self, admin: Connection, url: str, schema: str) -> None:
        with Ledger.open(url, create=True) as ledger:
            ask(ledger, "register-host", **a_host())
            before = stored(ledger)
            name = Identifier(schema)
            admin.execute(
                SQL(
                    "CREATE FUNCTION {}.no_room() RETURNS trigger LANGUAGE plpgsql AS "
                    "'BEGIN RAISE EXCEPTION ''could not extend file: No space left'' USING ERRCODE = ''53100''; END'"
                ).format(name)
            )
            admin.execute(
                SQL("CREATE TRIGGER no_room BEFORE INSERT ON {}.commands EXECUTE FUNCTION {}.no_room()").format(
                    name, name
                )
            )
            with pytest.raises(LedgerFull, match="no room left") as error:
                ask(ledger, "set-reserve", host="hv01", reserve="1GiB")
            assert error.value.hint == "make room and try again"
            assert stored(ledger) == before
            admin.execute(SQL("DROP TRIGGER no_room ON {}.commands").format(name))
            assert ask(ledger, "set-reserve", host="hv01", reserve="1GiB").positions == (2,)


def test_a_rule_that_may_change_what_is_recorded_is_refused_as_a_trigger_is(
    postgres: Server, admin: Connection
) -> None:
    url = postgres.url(schema := f"rule_{uuid4().hex[:8]}")
    with Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
    made = "CREATE RULE spy AS ON INSERT TO {}.ledger_events DO ALSO DELETE FROM {}.commands"
    admin.execute(SQL(made).format(Identifier(schema), Identifier(schema)))
    with pytest.raises(LedgerError, match="has the rule 'spy' on ledger_events, which Nilometer did not make") as error:
        Ledger.open(url)
    assert f'DROP RULE "spy" ON {schema}.ledger_events' in error.value.hint
    with pytest.warns(LedgerWarning, match="has the rule 'spy'"), Ledger.open(url, read_only=True) as ledger:
        assert ledger.position == 1
    admin.execute(SQL('DROP RULE "spy" ON {}.ledger_events').format(Identifier(schema)))
    with Ledger.open(url) as ledger:
        assert ledger.position == 1


def test_an_event_before_the_first_position_is_said_at_once(postgres: Server, admin: Connection) -> None:
    url = postgres.url(schema := f"hidden_{uuid4().hex[:8]}")
    with Ledger.open(url, create=True) as ledger:
        ask(ledger, "register-host", **a_host())
    admin.execute(
        SQL(
            "INSERT INTO {}.ledger_events (originator_id, originator_version, topic, state, notification_id) "
            "SELECT originator_id, 2, topic, state, -1 FROM {}.ledger_events"
        ).format(Identifier(schema), Identifier(schema))
    )
    admin.commit()

    with pytest.raises(LedgerError, match=r"an event at position -1 \(host/hv01/2\)") as error:
        Ledger.open(url)
    assert "nilo backup NEW.db" in error.value.hint
    with pytest.warns(LedgerWarning, match="positions begin at 1"):
        Ledger.open(url, read_only=True).close()
