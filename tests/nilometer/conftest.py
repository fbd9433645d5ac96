"""Ledgers on both databases: a test that takes ``url`` or ``ledger`` runs once on each."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from nilometer.ledger import Ledger
from tests.nilometer.databases import Server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """PostgreSQL, shared by all test processes of this run."""
    base = tmp_path_factory.getbasetemp()
    server = Server((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres")
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
    with Ledger.open(url, create=True) as opened:
        yield opened
