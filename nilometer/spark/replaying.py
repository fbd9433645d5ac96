"""Replays a history on Spark to a table of views: what each guest and host has at its end.

A group of hosts is replayed in one piece, and no view speaks of two groups.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from domain.errors import InputError, NilometerError
from nilometer.cli.documents import to_document
from nilometer.spark.grouping import read_history, run, sorted_by_position
from nilometer.spark.judging import read_frame
from projections.fleet import Fleet
from projections.view import View, view

if TYPE_CHECKING:
    from pandas import DataFrame as Frame
    from pyspark.sql import DataFrame, SparkSession

VIEW_COLUMNS: Final = (
    "kind string, id string, name string, host string, power string, assigned long, visible long, in_use long, "
    "held long, total long, reserve long, free long, position long, view string, error string, hint string"
)
"""``kind`` is ``vm`` or ``host``; ``view`` is the row of ``nilo view --format json``. Sizes are bytes."""
_FIGURES: Final = ("name", "host", "power", "assigned", "visible", "in_use", "held", "total", "reserve", "free")


def replay(spark: SparkSession, source: str) -> DataFrame:
    """The view of every VM and host at the end of a history. Raises ``InputError``."""
    history = read_history(spark, source)
    events = history.events.repartition(history.parts, "part").groupBy("part")
    rows = run(source, events.applyInPandas(replay_part, VIEW_COLUMNS))
    for row in rows:
        if row["error"] is not None:
            raise InputError(f"{source}: {row['error']}", hint=str(row["hint"] or ""))
    columns = [column.split()[0] for column in VIEW_COLUMNS.split(", ")[:-2]]
    found = [tuple(row[column] for column in columns) for row in rows]
    return spark.createDataFrame(found, ", ".join(VIEW_COLUMNS.split(", ")[:-2]))


def replay_part(frame: Frame) -> Frame:
    """Replays one part, in a worker."""
    import pandas

    frame, fleet = sorted_by_position(frame), Fleet()
    columns = [column.split()[0] for column in VIEW_COLUMNS.split(", ")]
    try:
        for event in read_frame(frame):
            fleet.apply(event.envelope)
    except NilometerError as error:
        empty = dict.fromkeys(columns, None)
        rows = [{**empty, "error": error.message, "hint": error.hint}]
        return pandas.DataFrame(rows, columns=columns)
    return pandas.DataFrame(view_rows(view(fleet), fleet.position), columns=columns).astype(object)


def view_rows(rows: View, position: int) -> list[dict[str, object]]:
    """The rows of a view, VMs and hosts, with ``VIEW_COLUMNS``."""
    document = to_document(rows)
    found = list[dict[str, object]]()
    for kind, name in (("vm", "vms"), ("host", "hosts")):
        for row in document[name]:
            figures = {figure: row.get(figure) for figure in _FIGURES}
            host = row["host"] if kind == "vm" else None
            text = json.dumps(row, ensure_ascii=False)
            found.append({**figures, "kind": kind, "id": row[kind], "host": host, "position": position, "view": text})
    return found
