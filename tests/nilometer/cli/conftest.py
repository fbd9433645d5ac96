"""A desk for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilometer.cli.calling import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder without a ledger."""
    return Desk(tmp_path)


@pytest.fixture
def history(desk: Desk) -> str:
    """The history of a ledger, in a file beside it."""
    return desk.write("history.jsonl", desk.with_history().events)
