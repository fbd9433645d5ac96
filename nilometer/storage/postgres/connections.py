"""Connections to PostgreSQL, with no threads of their own: made when they are needed, kept while they work."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Final, Self, cast

import psycopg
from eventsourcing.persistence import OperationalError
from eventsourcing.postgres import PostgresDatastore
from psycopg import Connection, Cursor
from psycopg.abc import Params, Query, QueryNoTemplate
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import DictRow, Row, dict_row
from psycopg.sql import Composable

from nilometer.storage.postgres.errors import RefusedStatement, last_line, refused_connection, translated_errors
from nilometer.storage.urls import PostgresLocation

CONNECT_TIMEOUT: Final = 10
"""Seconds to wait for the server to let us in."""

KEPT: Final = 2
"""How many connections are kept while nobody uses them: one that reads, and one that writes what was read."""

_SETTINGS: Final = (
    "SELECT set_config('search_path', quote_ident(%(schema)s), false), "
    "set_config('lock_timeout', %(lock_timeout)s, false), "
    # A client that vanished in a transaction must not keep the ledger locked.
    "set_config('idle_in_transaction_session_timeout', %(lock_timeout)s, false), "
    "set_config('default_transaction_read_only', %(read_only)s, false), "
    # A server may be set to tell of commits that are not on disk yet. Stricter settings of its owner stay.
    "set_config('synchronous_commit', CASE WHEN %(durable)s AND current_setting('synchronous_commit') = 'off' "
    "THEN 'on' WHEN %(durable)s THEN current_setting('synchronous_commit') ELSE 'off' END, false), "
    # Who has a ledger open holds this as long as the connection lives: it is not removed then.
    "pg_advisory_lock_shared(hashtextextended(%(open)s, 0))"
)


def open_lock(location: PostgresLocation) -> str:
    """The name of the lock that is shared by all who have a ledger open."""
    return f"nilometer open {location.schema}"


class _Cursor(Cursor[Row]):
    """A cursor whose refusals name the statement: the server's message names only the table or schema."""

    def execute(
        self,
        query: Query,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        """Runs one statement. Raises ``RefusedStatement`` if this user may not, unless it is sent with others."""
        try:
            return super().execute(cast("QueryNoTemplate", query), params, prepare=prepare, binary=binary)
        except InsufficientPrivilege as error:
            if self.connection.info.pipeline_status is not PipelineStatus.OFF:
                raise  # of statements that are sent together, it may be the answer to an earlier one
            text = query.as_bytes(self) if isinstance(query, Composable) else query
            words = text.decode() if isinstance(text, bytes) else str(text)
            raise RefusedStatement(str(error), words.split(maxsplit=1)[0].upper()) from error


class Connections:
    """What the library takes for a pool of connections."""

    def __init__(self, location: PostgresLocation, *, read_only: bool, durable: bool, lock_timeout: float) -> None:
        self.location = location
        self._settings = {
            "schema": location.schema,
            "open": open_lock(location),
            "lock_timeout": f"{int(lock_timeout * 1000)}ms",
            "read_only": "on" if read_only else "off",
            "durable": durable,
        }
        self._idle: list[Connection[DictRow]] = []
        self._closed = False

    def connect(self) -> Connection[DictRow]:
        """A new connection. Raises a ``psycopg.Error`` if the server does not let us in."""
        location = self.location
        connection = Connection[DictRow].connect(
            host=location.host or None,
            port=location.port or None,
            user=location.user or None,
            password=location.password or None,
            dbname=location.database,
            autocommit=True,
            client_encoding="utf8",
            connect_timeout=CONNECT_TIMEOUT,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            application_name=f"nilometer {location.schema}"[:63],
            row_factory=dict_row,  # what the library reads
            cursor_factory=cast("type[Cursor[DictRow]]", _Cursor),
        )
        try:
            connection.execute(_SETTINGS, self._settings)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def connection(self) -> Generator[Connection[DictRow]]:
        """A connection of one's own for a while; one that was lost is not used again."""
        connection = self._idle.pop() if self._idle else self._reconnect()
        try:
            yield connection
        finally:
            if connection.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
                with contextlib.suppress(psycopg.Error):
                    connection.rollback()
            self.keep(connection)

    def _reconnect(self) -> Connection[DictRow]:
        try:
            return self.connect()
        except psycopg.errors.ConnectionTimeout as error:
            raise refused_connection(self.location, error) from error
        except psycopg.OperationalError as error:
            raise OperationalError(last_line(error)) from error

    def keep(self, connection: Connection[DictRow]) -> None:
        """Keeps a connection for the next who needs one."""
        idle = connection.info.transaction_status == TransactionStatus.IDLE
        if idle and not self._closed and len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def open(self, wait: bool = False, timeout: float = 0) -> None:
        """Nothing: connections are made when they are needed."""

    def close(self) -> None:
        """Closes what nobody uses; what is used is closed when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class PostgresLedgerDatastore(PostgresDatastore):
    """A datastore on a schema that exists."""

    def __init__(self, connections: Connections) -> None:
        location = connections.location
        self.connections = connections
        super().__init__(
            location.database,
            location.host,
            location.port,
            location.user,
            "",
            schema=location.schema,
            originator_id_type="text",
        )

    def register_type_adapters(self) -> None:
        """None is needed: events are sent as arrays of their columns."""

    @contextlib.contextmanager
    def get_connection(self) -> Generator[Connection[DictRow]]:
        """A connection. Each kind of failure on it is an error of its own."""
        with translated_errors(self.connections.location), self.connections.connection() as connection:
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        with contextlib.suppress(AttributeError):
            self.connections.close()
