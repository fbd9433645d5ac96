"""A history as columns: writing Parquet beside JSON Lines, and the rules as columns of DuckDB beside reading them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import duckdb

from benchmarks.histories import History
from nilometer.history.cloudevents import write_lines
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.reader import open_reader
from rules.obligations import ObligationBuilder
from rules.symbolic.columns import column_type, quote, write_query
from rules.symbolic.terms import Sort, Term, variables
from rules.symbolic.values import leaves

_RANDOM: Final = {"BOOLEAN": "random() < 0.5", "BIGINT": "(random() * 68719476736)::BIGINT"}


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
    """Millions of decisions a second of the processor, and of rows that are only read, for each command on a VM."""
    found: dict[str, tuple[float, float]] = {}
    with duckdb.connect(config={"threads": 1}) as database:
        for name, transition in ObligationBuilder().transitions.items():
            parts = {"decision": transition.decision, "after": transition.after}
            results = {f"{part} {path}": term for part, value in parts.items() for path, term in leaves(value)}
            given = variables(*results.values())
            _fill(database, given, rows)
            everything = _summed('SELECT * FROM "sites"', {column: term.sort for column, term in given.items()})
            decided = _summed(write_query(results, "sites"), {column: term.sort for column, term in results.items()})
            reading, deciding = _cpu(partial(_run, database, everything)), _cpu(partial(_run, database, decided))
            found[name] = rows / deciding / 1e6, rows / reading / 1e6
    return found


def _run(database: duckdb.DuckDBPyConnection, query: str) -> None:
    database.execute(query).fetchall()


def _fill(database: duckdb.DuckDBPyConnection, given: Mapping[str, Term], rows: int) -> None:
    """A table with any values: most commands are refused in most rows, which costs the same."""
    columns = ", ".join(f"{_any_value(term.sort)} AS {quote(name)}" for name, term in given.items())
    database.execute(f'CREATE OR REPLACE TABLE "sites" AS SELECT {columns} FROM range({rows})')


def _any_value(sort: Sort) -> str:
    type = column_type(sort)
    members = len(list(sort)) if issubclass(sort, StrEnum) else 0
    return _RANDOM.get(type) or f"(floor(random() * {members}))::{type}"


def _summed(query: str, columns: Mapping[str, Sort]) -> str:
    """A query that needs every value of another, and gives one row."""
    sums = ", ".join(f"sum({quote(name)}::HUGEINT)" for name in columns)
    return f"SELECT {sums} FROM ({query})"


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _ignore(_: int) -> None: ...
