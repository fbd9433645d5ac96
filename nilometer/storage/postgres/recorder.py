"""The recorder for PostgreSQL: one schema a ledger, every write in one exchange with the server."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from eventsourcing.persistence import Notification, StoredEvent, Subscription
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection, Cursor
from psycopg.rows import tuple_row
from psycopg.sql import Identifier

from nilometer.errors import CommitUncertain, LedgerError, LedgerUnreachable
from nilometer.storage.postgres.connections import Connections, PostgresLedgerDatastore
from nilometer.storage.postgres.errors import persistently, reached, refused_connection, translated_errors
from nilometer.storage.postgres.schema import (
    EVENTS_TABLE,
    Held,
    check_positions,
    check_schema,
    check_triggers,
    composed,
    create_schema,
    no_ledger,
    remove_if_empty,
)
from nilometer.storage.recorder import (
    NOTHING_EXPECTED,
    ExpectedVersions,
    LedgerRecorder,
    StaleRead,
    nothing_recorded,
)
from nilometer.storage.store import LOCK_TIMEOUT, RawText, Receipt, Rows, check_receipt
from nilometer.storage.urls import PostgresLocation
from nilometer.times import Clock, current_time, system_clock

_LOCK: Final = "LOCK TABLE {schema}.ledger_events IN EXCLUSIVE MODE"

# Read committed: what is inserted here is numbered after everything that was committed before the lock was had.
_INSERT_EVENTS: Final = (
    "INSERT INTO {schema}.ledger_events (originator_id, originator_version, topic, state, notification_id) "
    "SELECT e.stream, e.version, e.topic, e.body, last.position + e.nth "
    "FROM unnest(%s::text[], %s::bigint[], %s::text[], %b::bytea[]) WITH ORDINALITY "
    "AS e (stream, version, topic, body, nth), "
    "(SELECT coalesce(max(notification_id), 0) AS position FROM {schema}.ledger_events) last "
    "RETURNING notification_id"
)
_INSERT_RECEIPTS: Final = (
    "INSERT INTO {schema}.commands (key, position, events, result) "
    "SELECT r.key, CASE WHEN r.events > 0 THEN last.position - %s + r.nth ELSE last.position - 1 END, "
    "r.events, r.result "
    "FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[]) AS r (key, nth, events, result), "
    "(SELECT coalesce(max(notification_id), 0) + 1 AS position FROM {schema}.ledger_events) last"
)


@contextmanager
def _connected(location: PostgresLocation, *, read_only: bool) -> Generator[Connection[Any]]:
    """A connection of one's own for a while."""
    connections = Connections(location, read_only=read_only, durable=True, lock_timeout=LOCK_TIMEOUT)
    try:
        connection = connections.connect()
    except psycopg.Error as error:
        raise refused_connection(location, error) from error
    with connection, reached(location), translated_errors(location):
        yield connection


_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\?")


@lru_cache(maxsize=500)
def translated(statement: str) -> bytes:
    """A statement with ``?`` for parameters, as psycopg takes it: ``%s``, and a literal ``%`` doubled."""
    doubled = statement.replace("%", "%%")
    return _TOKEN.sub(lambda token: "%s" if token[0] == "?" else token[0], doubled).encode()


_HAS_VERSION: Final = (
    "SELECT 1 / (CASE WHEN coalesce(max(originator_version), 0) = %s THEN 1 ELSE 0 END) "
    "FROM {schema}.ledger_events WHERE originator_id = %s"
)


class PostgresTransaction:
    """One transaction, for tables beside the events."""

    blob_type = "BYTEA"
    events_table = EVENTS_TABLE
    position_column = "notification_id"
    raw_text_mark = "convert_from(?, 'UTF8')"

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        """Runs one statement."""
        return self._connection.cursor(row_factory=tuple_row).execute(translated(statement), parameters)

    def select_raw(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The rows that a statement finds, with each text as a ``RawText``: here all of them are UTF-8."""
        rows = self.execute(statement, parameters)
        return [tuple(RawText(value.encode()) if isinstance(value, str) else value for value in row) for row in rows]

    def strict_texts(self) -> AbstractContextManager[None]:
        """Within it, reading a text that is not UTF-8 raises ``UnicodeError``: here all of them are UTF-8."""
        return nullcontext()


class PostgresLedgerRecorder(PostgresApplicationRecorder, LedgerRecorder):
    """Events and receipts in one schema of a PostgreSQL database."""

    answers_can_be_lost = True
    datastore: PostgresLedgerDatastore

    def __init__(self, datastore: PostgresLedgerDatastore) -> None:
        super().__init__(datastore, events_table_name=EVENTS_TABLE)
        self._location = location = datastore.connections.location
        self.sql_create_statements.clear()  # ``create_schema`` made all that there is
        self._lock = composed(_LOCK, location)
        self._insert_events_statement = composed(_INSERT_EVENTS, location)
        self._insert_receipts_statement = composed(_INSERT_RECEIPTS, location)

    @classmethod
    def open(
        cls,
        location: PostgresLocation,
        *,
        create: bool,
        read_only: bool,
        durable: bool = True,
        lock_timeout: float = LOCK_TIMEOUT,
        clock: Clock = system_clock,
    ) -> PostgresLedgerRecorder:
        """Opens the ledger at ``location``. Raises a ``LedgerError`` that says what is wrong with it."""
        connections = Connections(location, read_only=read_only, durable=durable, lock_timeout=lock_timeout)
        try:
            connection = connections.connect()
        except psycopg.Error as error:
            raise refused_connection(location, error) from error
        try:
            with reached(location), translated_errors(location):
                if check_schema(connection, location) is not Held.LEDGER:
                    if read_only or not create:
                        raise no_ledger(location)
                    create_schema(connection, location, current_time(clock))
                check_triggers(connection, location, read_only=read_only)
                check_positions(connection, location, read_only=read_only)
        except BaseException:
            connection.close()
            raise
        connections.keep(connection)
        return cls(PostgresLedgerDatastore(connections))

    @staticmethod
    def find(location: PostgresLocation) -> Held:
        """What is at ``location``. Raises a ``LedgerError`` if the server does not let us in."""
        with _connected(location, read_only=True) as connection:
            return check_schema(connection, location)

    @staticmethod
    def remove_if_empty(location: PostgresLocation, *, with_schema: bool) -> None:
        """Removes a ledger in which nothing was recorded, unless somebody else has it open."""
        with _connected(location, read_only=False) as connection:
            remove_if_empty(connection, location, with_schema=with_schema)

    # Writing

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Writes events, and with ``receipts`` and ``expected`` what belongs to them. See ``record``."""
        return list(self.record(stored_events, **kwargs))

    def record(
        self,
        events: Sequence[StoredEvent],
        receipts: Sequence[Receipt] = (),
        expected: ExpectedVersions = NOTHING_EXPECTED,
    ) -> Sequence[int]:
        """Writes all of it or nothing, and returns the events' positions.

        It is done again if the connection is lost. Where a commit had taken place and only its answer was lost, the
        second try meets the first one's receipts, and says so by an ``IntegrityError``.
        """
        sent: list[bool] = []  # for each try, that a COMMIT was sent that may have arrived
        try:
            return persistently(self._location, lambda: self._record(events, receipts, expected, sent))
        except LedgerError as error:
            # What the server answers is the end of the last try; one before it may have been committed.
            answered = not isinstance(error, LedgerUnreachable)
            if len(sent) <= answered:
                raise nothing_recorded(error) from error.__cause__
            uncertain = f"{error.message}; whether the request was recorded is not known"
            raise CommitUncertain(uncertain, hint=error.hint) from error.__cause__

    def _record(
        self, events: Sequence[StoredEvent], receipts: Sequence[Receipt], expected: ExpectedVersions, sent: list[bool]
    ) -> Sequence[int]:
        with self.datastore.get_connection() as connection:
            sent.append(True)
            inserted: Cursor[tuple[int]] | None = None
            with connection.pipeline():
                connection.execute("BEGIN", prepare=False)
                connection.execute(self._lock)
                if expected is not NOTHING_EXPECTED:
                    self._check(connection, expected)
                if events:
                    inserted = connection.cursor(row_factory=tuple_row).execute(
                        self._insert_events_statement,
                        (
                            [event.originator_id for event in events],
                            [event.originator_version for event in events],
                            [event.topic for event in events],
                            [event.state for event in events],
                        ),
                    )
                if receipts:
                    connection.execute(
                        self._insert_receipts_statement,
                        (
                            len(events),
                            [receipt.key for receipt in receipts],
                            [receipt.position for receipt in receipts],
                            [receipt.events for receipt in receipts],
                            [receipt.result for receipt in receipts],
                        ),
                    )
                connection.execute("COMMIT", prepare=False)
            return [] if inserted is None else sorted(position for (position,) in inserted)

    def _check(self, connection: Connection[Any], expected: ExpectedVersions) -> None:
        cursor = connection.cursor(row_factory=tuple_row)
        if expected.position is not None:
            (last,) = cursor.execute(self.max_notification_id_statement).fetchone() or (None,)
            if (last or 0) != expected.position:
                raise StaleRead(f"the ledger went on to position {last}")
        for stream, read in expected.streams.items():
            # Its answer is not waited for: where the version is another, the server divides by zero, and undoes all.
            cursor.execute(composed(_HAS_VERSION, self._location), (read, stream))
        if expected.confirm is not None:
            expected.confirm(PostgresTransaction(connection))

    def adopt(self, id: str) -> None:
        """Gives an empty ledger the id of another."""
        with reached(self._location), self.datastore.get_connection() as connection, connection.transaction():
            connection.execute(self._lock)
            if connection.execute(composed("SELECT 1 FROM {schema}.ledger_events LIMIT 1", self._location)).fetchone():
                raise LedgerError("a ledger with events keeps its id")
            connection.execute(
                composed("UPDATE {schema}.ledger SET value = %s WHERE name = 'id'", self._location), (id,)
            )

    # Reading

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream."""
        with reached(self._location):
            found: Sequence[StoredEvent] = super().select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
            return found

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events by position."""
        with reached(self._location):
            found: Sequence[Notification] = super().select_notifications(
                start, limit, stop, topics, inclusive_of_start=inclusive_of_start
            )
            return found

    def max_notification_id(self) -> int | None:
        """The position of the last event."""
        with reached(self._location):
            last: int | None = super().max_notification_id()
            return last

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[Any]:
        """Not there: nobody is notified of a write, as on SQLite. Followers ask for what came after."""
        raise NotImplementedError("a ledger has no subscriptions: ask it for the events after a position")

    def receipts(self, keys: Sequence[str]) -> Sequence[Receipt]:
        """Those of the keys under which something was recorded."""
        found = "SELECT key, position, events, result FROM {schema}.commands WHERE key = ANY(%s)"
        return [check_receipt(Receipt(*row)) for row in self._select(found, (list(keys),))]

    def facts(self) -> dict[str, str]:
        """What the ledger says of itself."""
        return dict(self._select("SELECT name, value FROM {schema}.ledger"))

    def bytes_used(self) -> int:
        """The size of all tables in the ledger's schema, with their indices."""
        sizes = (
            "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_catalog.pg_class c "
            "WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r'"
        )
        ((size,),) = self._select(sizes, (Identifier(self._location.schema).as_string(),))
        return int(size)

    def _select(self, statement: LiteralString, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        def select() -> list[tuple[Any, ...]]:
            with self.datastore.get_connection() as connection:
                cursor = connection.cursor(row_factory=tuple_row)
                return cursor.execute(composed(statement, self._location), parameters).fetchall()

        return persistently(self._location, select)

    # Tables beside the events

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[PostgresTransaction]:
        """A transaction for tables beside the events. One that reads does so at one moment."""
        begin: LiteralString = "BEGIN" if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with reached(self._location):
            held, connection = persistently(self._location, lambda: self._begun(begin))
            with held:
                yield PostgresTransaction(connection)
                if write:  # else there is nothing to commit, and nothing to lose by a connection that breaks now
                    connection.execute("COMMIT")

    def _begun(self, statement: LiteralString) -> tuple[ExitStack, Connection[Any]]:
        with ExitStack() as stack:
            connection = stack.enter_context(self.datastore.get_connection())
            connection.execute(statement)
            return stack.pop_all(), connection

    def close(self) -> None:
        """Closes all connections."""
        self.datastore.close()
