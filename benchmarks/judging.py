"""Judging a history, beside a loop that parses the same lines with ``json.loads`` and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from benchmarks.commands import NILO, Run
from benchmarks.histories import History
from benchmarks.processes import run
from benchmarks.timing import Piece, SideBySide, side_by_side
from nilometer import Ledger
from nilometer.audit.reading import read_events
from nilometer.audit.result import Audit
from nilometer.history.cloudevents import write_lines
from rules.judging.judge import Judge


def judge(history: History, *, pieces: int, events: int) -> SideBySide:
    """Every event of a decided history against every rule, from the line to the verdict, on one processor."""
    audit, judge = Audit(), Judge()

    def judged(lines: Sequence[bytes]) -> None:
        events = read_events(cast("BinaryIO", BytesIO(b"".join(lines))), "history.jsonl")
        audit.judge(events, judge, "")
        if audit.findings:
            raise AssertionError(f"a history that Nilometer wrote is found wrong: {audit.findings}")

    def parsed(lines: Sequence[bytes]) -> None:
        for line in lines:
            json.loads(line)

    def all_pieces(written: Iterator[bytes]) -> Iterator[Piece]:
        for _ in range(pieces):
            lines = list(islice(written, events))
            yield Piece(len(lines), partial(judged, lines), partial(_only, partial(parsed, lines)))

    with Ledger.open(history.url, read_only=True) as ledger:
        (both,) = side_by_side(all_pieces(write_lines(ledger.rows(), ledger.id)))
    return both


def export(history: History, folder: Path) -> Path:
    """A history as a file of lines."""
    file = folder / f"{history.path.stem}.jsonl"
    if not file.exists():
        with Ledger.open(history.url, read_only=True) as ledger, file.open("wb") as stream:
            stream.writelines(write_lines(ledger.rows(), ledger.id))
    return file


def audit(file: Path, *, cores: int) -> float:
    """``nilo audit`` of a file: how many seconds it takes, with so many processes."""
    return run([sys.executable, "-c", NILO, "audit", str(file), "--cores", str(cores)]).wall


def audit_of_any_length(events: int, folder: Path) -> Run:
    """``nilo audit`` of a history of so many events that no file holds: it is made while it is judged."""
    told = folder / "peak"
    made = [sys.executable, "-m", "benchmarks.endless", str(events)]
    with subprocess.Popen(made, stdout=subprocess.PIPE) as making:
        command = [sys.executable, "-m", "benchmarks.child", str(told), "audit", "-"]
        cost = run(command, stdin=making.stdout)
    return Run(cost.wall, cost.cpu, int(told.read_text()))


def _only(work: Callable[[], object]) -> list[Callable[[], object]]:
    return [work]
