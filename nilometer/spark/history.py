"""A history on Spark, divided into parts that can be judged or replayed apart, whatever holds it.

The order of rows is never taken from the engine: it is made where a part is read, by position, or compared there with
what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow

from domain.errors import InputError
from nilometer.audit.grouping import Grouping
from rules.judging.completeness import PlacedEvent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STRETCH_EVENTS: Final = 100_000
"""Positions that are surveyed together."""
SURVEY_COLUMNS: Final = "first long, survey binary"

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
    events: Iterator[PlacedEvent]
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
    apply: Callable[[PartReader, str], DataFrame]
    """Applies a function to each part, and gives what it makes of them, with such columns."""


def to_table(rows: Sequence[Row], columns: str) -> pyarrow.Table:
    """Rows as a table of Arrow with such columns."""
    names = [column.split() for column in columns.split(", ")]
    return pyarrow.table({name: pyarrow.array([row[name] for row in rows], _TYPES[type]) for name, type in names})


def without_places(events: Iterator[PlacedEvent]) -> Iterator[PlacedEvent]:
    """The same events, without their places, which are none that anybody could look up."""
    return (PlacedEvent(event.envelope, "", event.source) for event in events)


def run(source: str, frame: DataFrame) -> list[dict[str, Any]]:
    """Runs what a frame describes. Raises ``InputError`` for input that Spark cannot read."""
    from py4j.protocol import Py4JJavaError

    try:
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
