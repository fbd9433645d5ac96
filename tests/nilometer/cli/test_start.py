"""How ``nilo`` starts: quickly, and loading only what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.nilometer.cli.calling import NILO, Desk

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
    """By the processor's time: it is all that starting takes, and does not hang on what else the machine does."""

    def once() -> float:
        before = os.times()
        subprocess.run([NILO, "--help"], check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(once() for _ in range(5)) < 0.3


def test_the_version_is_the_installed_one(desk: Desk) -> None:
    assert desk.call("--version").out == f"nilo {version('nilometer')}\n"
