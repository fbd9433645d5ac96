"""How ``nilo`` starts: quickly, and loading only what it needs."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from tests.cli.calling import NILO, Desk

HEAVY = ("z3", "pydantic", "pydantic_core", "sqlite3", "psycopg", "eventsourcing", "rich")

LOADED = """
import sys
from nilometer.cli import main
sys.argv = ["nilo", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["veiw"]])
def test_help_and_a_mistyped_command_load_no_database_no_pydantic_no_z3(args: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED, *args], capture_output=True, text=True, check=True)
    loaded = ran.stderr.splitlines()[-1].split()
    assert not set(HEAVY) & set(loaded)


def test_a_plain_view_does_not_load_rich(desk: Desk) -> None:
    desk.with_history()
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, "view", "--ledger", desk.url], capture_output=True, text=True, check=True
    )
    assert "web01" in ran.stdout
    assert not {"rich", "z3", "psycopg"} & set(ran.stderr.splitlines()[-1].split())


def test_help_starts_in_under_three_tenths_of_a_second() -> None:
    def once() -> float:
        begun = time.perf_counter()
        subprocess.run([NILO, "--help"], check=True, capture_output=True)
        return time.perf_counter() - begun

    assert min(once() for _ in range(5)) < 0.3


def test_the_version_is_the_installed_one(desk: Desk) -> None:
    assert desk.call("--version").out == f"nilo {version('nilometer')}\n"
