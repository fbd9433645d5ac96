"""Ledgers on both databases: a test that takes ``url`` or ``ledger`` runs once on each."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest

from nilometer.ledger.ledger import Ledger
from tests.nilometer.databases import Server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """PostgreSQL, shared by all test processes of this run.

    Its data are not in pytest's folder: as root the server is another user, and pytest shuts others out of there.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    server = Server(Path(gettempdir()) / f"nilometer-postgres-{run}")
    yield server
    server.stop()


@pytest.fixture
def schema(postgres: Server) -> Generator[str]:
    """The name of a schema that is not there yet."""
    with postgres.schema() as name:
        yield name


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is no ledger yet, in a file and on a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: Server = request.getfixturevalue("postgres")
    return server.url(request.getfixturevalue("schema"))


@pytest.fixture
def ledger(url: str) -> Generator[Ledger]:
    """An empty ledger."""
    with Ledger.open(url, create=True, durable=False) as opened:
        yield opened
