"""Exports of a decided history."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.history.parquet.exporting import comes_back, lines_of, small_pieces
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import history, random_history


@pytest.fixture(scope="module")
def in_small_pieces() -> Iterator[None]:
    """Runs, buckets and pieces of files begin soon."""
    with small_pieces():
        yield


@pytest.fixture(scope="module")
def decided(in_small_pieces: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a decided history: several days, several groups of hosts, more than one run a day."""
    recorded = random_history(Seeded(11), 100)
    alone = {**WEB, "vm": "alone", "host": "alone01"}
    more = history(
        {**HOST, "host": "alone01"}, alone, {**START, "vm": "alone"}, do("add-memory", "alone", amount="2MiB")
    )
    recorded += [replace(each, position=len(recorded) + number) for number, each in enumerate(more, start=1)]
    return comes_back(lines_of(recorded), tmp_path_factory.mktemp("decided"))


@pytest.fixture
def exported(decided: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(decided, tmp_path / "export"))
