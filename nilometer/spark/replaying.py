"""Replays a history on Spark to a table of views: what each guest and host has at its end.

A group of hosts is replayed in one piece, and no view speaks of two groups.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from domain.errors import NilometerError
from nilometer.cli.documents import to_document
from nilometer.spark.history import PartOfHistory, Row, raise_if_refused
from nilometer.spark.judging import read_history
from projections.fleet import Fleet
from projections.view import View, view

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

VIEW_COLUMNS: Final = (
    "kind string, id string, name string, host string, power string, assigned long, visible long, in_use long, "
    "held long, total long, reserve long, free long, position long, view string, error string, hint string"
)
"""``kind`` is ``vm`` or ``host``; ``view`` is the row of ``nilo view --format json``. Sizes are bytes."""
_FINE: Final = {"error": None, "hint": None}
_FIGURES: Final = ("name", "host", "power", "assigned", "visible", "in_use", "held", "total", "reserve", "free")


def replay(spark: SparkSession, source: str) -> DataFrame:
    """The view of every VM and host at the end of a history. Raises ``InputError``."""
    rows = read_history(spark, source).collect(replay_part, VIEW_COLUMNS)
    raise_if_refused(source, rows)
    columns = [column.split()[0] for column in VIEW_COLUMNS.split(", ")[:-2]]
    found = [tuple(row[column] for column in columns) for row in rows]
    return spark.createDataFrame(found, ", ".join(VIEW_COLUMNS.split(", ")[:-2]))


def replay_part(part: PartOfHistory) -> list[Row]:
    """Replays one part, in a worker."""
    fleet = Fleet()
    try:
        for event in part.events:
            fleet.apply(event.envelope)
    except NilometerError as error:
        columns = [column.split()[0] for column in VIEW_COLUMNS.split(", ")]
        return [{**dict.fromkeys(columns, None), "error": error.message, "hint": error.hint}]
    return view_rows(view(fleet), fleet.position)


def view_rows(rows: View, position: int) -> list[Row]:
    """The rows of a view, VMs and hosts, with ``VIEW_COLUMNS``."""
    document = to_document(rows)
    found = list[Row]()
    for kind, name in (("vm", "vms"), ("host", "hosts")):
        for row in document[name]:
            figures = {figure: row.get(figure) for figure in _FIGURES}
            host = row["host"] if kind == "vm" else None
            text = json.dumps(row, ensure_ascii=False)
            found.append(
                {**figures, "kind": kind, "id": row[kind], "host": host, "position": position, "view": text, **_FINE}
            )
    return found
