"""The schema of the files as Arrow has it, and rows as one of its tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow

from nilometer.history.columns import COLUMNS, SCHEMA_VERSION, ColumnType

_MOMENT: Final = pyarrow.timestamp("us", tz="UTC")
_TYPES: Final = {
    ColumnType.INTEGER: pyarrow.int64(),
    ColumnType.TEXT: pyarrow.string(),
    ColumnType.LABEL: pyarrow.string(),
    ColumnType.MOMENT: _MOMENT,
    ColumnType.FLAG: pyarrow.bool_(),
}
_ENCODED: Final = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())


def schema_of(version: int, encoded: Collection[str] = ()) -> pyarrow.Schema:
    """The schema of a version of the columns; ``encoded`` are texts that are read as dictionaries."""
    return pyarrow.schema(
        (column.name, _ENCODED if column.name in encoded else _TYPES[column.type])
        for column in COLUMNS
        if column.since <= version
    )


SCHEMA: Final = schema_of(SCHEMA_VERSION)

_WITHOUT_ZONE: Final = pyarrow.timestamp("us")


def to_utc_times(moments: pyarrow.Array) -> list[str | None]:
    """Moments as events have them, as texts."""
    texts = moments.cast(_MOMENT).cast(_WITHOUT_ZONE).cast(pyarrow.string()).to_pylist()
    return [None if text is None else f"{text[:10]}T{text[11:]}Z" for text in texts]


def to_table(rows: Sequence[tuple[object, ...]]) -> pyarrow.Table:
    """Rows as a table; each is in the order of ``COLUMNS``, with its times as texts."""
    arrays: list[pyarrow.Array] = []
    for column, values in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        if column.type is ColumnType.MOMENT:
            arrays.append(pyarrow.array(values, pyarrow.string()).cast(_MOMENT))
        else:
            arrays.append(pyarrow.array(values, _TYPES[column.type]))
    return pyarrow.Table.from_arrays(arrays, schema=SCHEMA)
