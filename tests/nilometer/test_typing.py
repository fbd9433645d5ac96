"""The public names are enough to write a program that a strict type checker accepts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT

PROGRAM = """
from nilometer import (
    AddMemory,
    Event,
    Fact,
    HostId,
    InputError,
    Ledger,
    Metadata,
    Observation,
    Request,
    Result,
    StreamName,
    UtcTime,
    VmId,
    parse_size,
)


def add(ledger: Ledger, vm: VmId) -> int | None:
    request = Request(AddMemory(vm, parse_size("2GiB")), actor="ops", via="resize.py", key="ticket-1")
    try:
        result: Result = ledger.execute(request)
    except InputError as error:
        print(error.message, error.hint)
        return None
    return result.granted


def observe(ledger: Ledger, event: Event, host: HostId) -> list[tuple[int, ...]]:
    moment = UtcTime("2026-11-23T09:00:00.000000Z")
    fact = Fact(StreamName(f"host/{host}"), event, moment, earliest=moment)
    return ledger.record([Observation("o1", (fact,), begins=frozenset({fact.stream}))], actor="ops", via="poll.py")


def happened(metadata: Metadata) -> UtcTime:
    return metadata.happened


with Ledger.open("sqlite:///nilometer.db", create=True) as ledger:
    print(add(ledger, VmId("web01")))
"""

WRONG = """
from nilometer import AddMemory, Request

Request(AddMemory("web01", 2.0), actor=None, via="resize.py")
"""


def test_mypy_strict_accepts_a_program_like_that_in_the_readme_and_refuses_a_float_and_no_actor(
    tmp_path: Path,
) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(PROGRAM, encoding="utf-8")
    wrong.write_text(WRONG, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", str(right), str(wrong)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = ran.stdout.splitlines()
    assert len(errors) == 2, ran.stdout + ran.stderr
    assert all("wrong.py" in error for error in errors)
    assert 'expected "int"' in errors[0]
    assert '"actor"' in errors[1]


def test_every_package_says_that_it_is_typed() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in ("nilometer", "domain", "rules", "projections"))
