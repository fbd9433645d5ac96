"""A script or an import that is killed and run again comes to what it would have come to undisturbed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nilometer.databases import Server
from tests.nilometer.ledger import processes

KILLS = 200
KILLS_OF_IMPORTS = 30
LEDGERS = 60
"""At most: a new one is begun when a script got through, until there were enough kills."""


def judge(seed: int, folder: Path, urls: list[str]) -> None:
    """Kills runs on ledgers at these places, and holds what they come to to an undisturbed run."""
    told = processes.run("kills", str(seed), str(KILLS), str(folder), *urls)
    assert told["wrong"] == []
    assert told["kills"] >= KILLS
    assert set(told["outcomes"]) == {"done", "completed", "partially-completed", "failed", "rejected"}


@pytest.mark.xdist_group("processes")
def test_a_script_killed_at_200_moments_comes_to_the_same_on_sqlite(tmp_path: Path) -> None:
    judge(9, tmp_path, [f"sqlite:///{tmp_path}/{number}.db" for number in range(LEDGERS)])


@pytest.mark.xdist_group("processes")
def test_a_script_killed_at_200_moments_comes_to_the_same_on_postgresql(
    tmp_path: Path, postgres: Server, schema: str
) -> None:
    schemas = [f"{schema}x{number}" for number in range(LEDGERS)]
    try:
        judge(8, tmp_path, [postgres.url(name) for name in schemas])
    finally:
        with postgres.connect() as connection:
            for name in schemas:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())


def judge_imports(seed: int, folder: Path, urls: list[str]) -> None:
    """Kills imports of each kind into ledgers at these places, and holds what they come to to an undisturbed one."""
    told = processes.run("import_kills", str(seed), str(KILLS_OF_IMPORTS), str(folder), *urls)
    assert told["wrong"] == []
    for command in ("import-hyperv", "import-qemu", "import"):
        assert told[command]["kills"] >= KILLS_OF_IMPORTS
        assert told[command]["events"] > 50


@pytest.mark.xdist_group("processes")
def test_an_import_killed_at_30_moments_comes_to_the_same_on_sqlite(tmp_path: Path) -> None:
    judge_imports(5, tmp_path, [f"sqlite:///{tmp_path}/{number}.db" for number in range(4 * KILLS_OF_IMPORTS)])


@pytest.mark.xdist_group("processes")
def test_an_import_killed_at_30_moments_comes_to_the_same_on_postgresql(
    tmp_path: Path, postgres: Server, schema: str
) -> None:
    schemas = [f"{schema}x{number}" for number in range(4 * KILLS_OF_IMPORTS)]
    try:
        judge_imports(5, tmp_path, [postgres.url(name) for name in schemas])
    finally:
        with postgres.connect() as connection:
            for name in schemas:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())
