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


def loaded_by(*arguments: str) -> set[str]:
    """The packages that a call of ``nilo`` loads."""
    ran = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    return set(ran.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["veiw"]])
def test_help_and_a_mistyped_command_load_no_database_no_pydantic_no_z3(args: list[str]) -> None:
    assert not set(HEAVY) & loaded_by(*args)


@pytest.mark.parametrize("args", [["info"], ["view"], ["view", "--vm", "web01"], ["view", "--format", "json"]])
def test_what_is_stored_is_shown_by_sqlite3_alone(desk: Desk, args: list[str]) -> None:
    desk.with_history()
    assert set(HEAVY) & loaded_by(*args, "--ledger", desk.url) == {"sqlite3"}


def test_a_view_of_the_stored_fleet_loads_no_class_of_events_of_decided_hosts_and_vms(desk: Desk) -> None:
    desk.with_history()
    modules = LOADED.replace('{name.partition(".")[0] for name in sys.modules}', "sys.modules")
    ran = subprocess.run([sys.executable, "-c", modules, "view", "--ledger", desk.url], capture_output=True, text=True)
    loaded = ran.stderr.splitlines()[-1].split()
    assert "projections.view" in loaded
    assert not {"domain.events", "domain.commands", "nilometer.storage.bodies"} & set(loaded)


@pytest.mark.parametrize("args", [["log"], ["show", "3"], ["diff", "0", "3"], ["view", "--position", "2"]])
def test_reading_events_takes_the_core_of_pydantic_and_no_more(desk: Desk, args: list[str]) -> None:
    desk.with_history()
    assert set(HEAVY) & loaded_by(*args, "--ledger", desk.url) == {"sqlite3", "pydantic_core"}


def test_a_history_is_judged_by_the_core_of_pydantic_alone(desk: Desk) -> None:
    desk.with_history()
    history = str(desk.write("history.jsonl", desk.call("export").out))
    assert set(HEAVY) & loaded_by("audit", history) == {"pydantic_core"}


def test_writing_takes_eventsourcing_too(desk: Desk) -> None:
    desk.with_history()
    heavy = {"sqlite3", "pydantic_core", "eventsourcing"}
    assert set(HEAVY) & loaded_by("do", "add-memory", "web01", "2MiB", "--ledger", desk.url) == heavy


def test_python_does_not_look_for_garbage_when_the_process_ends() -> None:
    frozen = LOADED.replace("print(*sorted", "import gc; print(gc.get_freeze_count(), len(gc.get_objects()), *sorted")
    ran = subprocess.run([sys.executable, "-c", frozen, "--help"], capture_output=True, text=True, check=True)
    frozen_objects, others = map(int, ran.stderr.splitlines()[-1].split()[:2])
    assert frozen_objects > 100 * others


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
