"""A history on Spark, divided into parts that can be judged or replayed apart, whatever holds it.

The order of rows is never taken from the engine: it is made where a part is read, by position, or compared there with
what was written.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow

from domain.errors import InputError
from nilometer.audit.partitioning.grouping import Grouping
from nilometer.audit.reading import LineEvents

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

STRETCH_EVENTS: Final = 100_000
"""Positions that are surveyed together."""
SURVEY_COLUMNS: Final = "first long, survey binary, error string, hint string"

_TYPES: Final = {
    "int": pyarrow.int32(),
    "long": pyarrow.int64(),
    "string": pyarrow.string(),
    "binary": pyarrow.binary(),
}

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PartOfHistory:
    """What a worker is given."""

    number: int
    events: LineEvents[int]
    """By position. They have no file and line: Spark does not say where it read a row."""
    absent: set[str]
    """The hosts that the events name, and of which the history has no event, where that is known; filled by reading."""


PartReader = Callable[[PartOfHistory], Sequence[Row]]
"""What is made of one part, in a worker: some rows."""


@dataclass(frozen=True, slots=True)
class SparkHistory:
    """A history on Spark."""

    grouping: Grouping
    parts: int
    source: str
    """What was read."""
    collect: Callable[[PartReader, str], list[dict[str, Any]]]
    """Applies a function to each part, and gives the rows that it makes of them, with such columns."""


def to_table(rows: Sequence[Row], columns: str) -> pyarrow.Table:
    """Rows as a table of Arrow with such columns."""
    names = [column.split()[0] for column in columns.split(", ")]
    return to_columns(([row[name] for row in rows] for name in names), columns)


def to_columns(values: Iterable[Sequence[object]], columns: str) -> pyarrow.Table:
    """The values of such columns as a table of Arrow."""
    typed = zip((column.split() for column in columns.split(", ")), values, strict=True)
    return pyarrow.table({name: pyarrow.array(each, _TYPES[type]) for (name, type), each in typed})


def read_part(read: PartReader, columns: str, number: int, events: LineEvents[int], absent: set[str]) -> pyarrow.Table:
    """What a function makes of a part that has these events, as a table, in a worker."""
    part = PartOfHistory(number=number, events=events, absent=absent)
    return to_table(read(part), columns)


def write_survey(first: int, found: object | None, error: InputError | None = None) -> pyarrow.Table:
    """What a worker found in the events from a position on, or why it found nothing, with ``SURVEY_COLUMNS``."""
    content = None if found is None else pickle.dumps(found)
    why, hint = (None, None) if error is None else (error.message, error.hint)
    return to_table([{"first": first, "survey": content, "error": why, "hint": hint}], SURVEY_COLUMNS)


def raise_if_refused(source: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Raises the ``InputError`` that a worker gave in a row."""
    for row in rows:
        if row["error"] is not None:
            why = str(row["error"])
            raise InputError(why if why.startswith(source) else f"{source}: {why}", hint=row["hint"] or "")


_ROWS_TOGETHER: Final = "spark.sql.execution.arrow.maxRecordsPerBatch"


def run(spark: SparkSession, source: str, frame: DataFrame, together: int | None = None) -> list[dict[str, Any]]:
    """Runs what a frame describes, where workers are given so many rows together, or as many as Spark is set to.

    Raises ``InputError`` for input that Spark cannot read.
    """
    from py4j.protocol import Py4JJavaError

    try:
        with rows_together(spark, together):
            return [row.asDict() for row in frame.collect()]
    except Py4JJavaError as error:
        cause = str(error.java_exception)
        words = (
            "FAILED_READ_FILE",
            "EOFException",
            "ZipException",
            "not in GZIP",
            "incorrect data check",
            "Unexpected end of input",
        )
        if any(word in cause for word in words):
            why = f"{source}: it was cut off or damaged on its way"
            raise InputError(why, hint="fetch it again, or export it again: nilo export -o FILE") from None
        raise


@contextmanager
def rows_together(spark: SparkSession, together: int | None) -> Generator[None]:
    """Workers are given so many rows together, or as many as Spark is set to, by what is planned meanwhile."""
    before = spark.conf.get(_ROWS_TOGETHER)
    if together is not None:
        spark.conf.set(_ROWS_TOGETHER, together)
    try:
        yield
    finally:
        spark.conf.set(_ROWS_TOGETHER, before)
