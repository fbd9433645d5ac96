"""A history as columns: writing Parquet beside JSON Lines, and the rules as columns beside reading them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from statistics import median

import numpy

from benchmarks.histories import History
from nilometer.audit.sieve.columns import Column, Program, type_of
from nilometer.history.cloudevents import write_lines
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.reader import open_reader
from rules.obligations import ObligationBuilder
from rules.symbolic.terms import Sort, variables
from rules.symbolic.values import leaves


@dataclass(frozen=True, slots=True)
class ColumnCosts:
    """Seconds of the processor."""

    parquet: float
    """For an event."""
    lines: float
    parquet_bytes: float
    line_bytes: float


def write(history: History, folder: Path, *, turns: int = 3) -> ColumnCosts:
    """Writes a history in both forms, one after the other, again and again."""
    target, file = folder / "columns", folder / "columns.jsonl"
    parquet, lines = list[float](), list[float]()
    with open_reader(history.url) as ledger:
        for _ in range(turns):
            shutil.rmtree(target, ignore_errors=True)
            parquet.append(_cpu(lambda: write_export(ledger, target, _ignore, _ignore)))
            lines.append(_cpu(lambda: file.write_bytes(b"".join(write_lines(ledger.rows(), ledger.id)))))
        events = ledger.position
    return ColumnCosts(
        parquet=median(parquet) / events,
        lines=median(lines) / events,
        parquet_bytes=sum(path.stat().st_size for path in target.rglob("*.parquet")) / events,
        line_bytes=file.stat().st_size / events,
    )


def decide(rows: int) -> dict[str, tuple[float, float]]:
    """Millions of decisions a second of the processor, and of rows that are only added up, for each command on a VM."""
    found: dict[str, tuple[float, float]] = {}
    random = numpy.random.default_rng(7)
    for name, transition in ObligationBuilder().transitions.items():
        parts = {"decision": transition.decision, "after": transition.after}
        results = [term for value in parts.values() for _, term in leaves(value)]
        given = {name: _any_values(random, term.sort, rows) for name, term in variables(*results).items()}
        program = Program(results)
        reading = _cpu(partial(_add_up, given.values()))
        deciding = _cpu(partial(_decide, program, given, rows))
        found[name] = rows / deciding / 1e6, rows / reading / 1e6
    return found


def _decide(program: Program, given: Mapping[str, Column], rows: int) -> None:
    _add_up(program.run(given, rows))


def _add_up(columns: Iterable[Column]) -> None:
    for column in columns:
        column.sum()


def _any_values(random: numpy.random.Generator, sort: Sort, rows: int) -> Column:
    """Any values: most commands are refused in most rows, which costs the same."""
    most = len(list(sort)) if issubclass(sort, StrEnum) else 2 if sort is bool else 2**36
    return random.integers(0, most, rows).astype(type_of(sort))


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _ignore(_: int) -> None: ...
