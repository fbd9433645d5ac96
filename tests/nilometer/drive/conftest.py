"""A desk for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilometer.cli.calling import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder without a ledger."""
    return Desk(tmp_path)
