"""Ledgers on both databases: a test that takes ``url`` or ``ledger`` runs once on each. And a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

import pytest

from nilometer.ledger.ledger import Ledger
from tests.nilometer.databases import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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


# One browser for all tests of pages: a Chromium that is on the machine, driven by Playwright. Where none is, these are
# skipped and say so. In CI that is a failure: there it can be installed.

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # here, because most tests need none

    path = os.environ.get("NILO_CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None:
        words = "no chromium is on the path, and none is named by NILO_CHROMIUM: pages are not tested in a browser"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
