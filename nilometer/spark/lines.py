"""An export as JSON Lines on Spark: its headers are surveyed, and each line goes to the task of its group."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import pyarrow

from domain.errors import InputError
from nilometer.audit.column_survey import HEADER, headers_in, survey_columns
from nilometer.audit.grouping import Survey, hosts_of
from nilometer.audit.sources import header_of, read_lines_as_events
from nilometer.spark.history import (
    STRETCH_EVENTS,
    SURVEY_COLUMNS,
    PartOfHistory,
    PartReader,
    SparkHistory,
    run,
    to_table,
    without_places,
)
from rules.judging.completeness import PlacedEvent

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

PART_EVENTS: Final = 50_000
"""About how many events one task judges, unless a group has more: a group is judged in one piece."""
_HEADERS: Final = (
    "position long, stream string, version long, topic string, recorded string, source string, hosts string"
)
_NO_EVENT: Final = -1
"""The position of a line that is no event."""
_ESCAPED: Final = "\\"
"""Stands for hosts whose names could not be read."""


def read_lines(spark: SparkSession, source: str) -> SparkHistory:
    """Reads an export as JSON Lines, packed with gzip or not, and divides it. Raises ``InputError``."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as f

    try:
        lines = spark.read.text(source).where("trim(value) <> ''")
    except AnalysisException as error:
        why = "it does not exist" if "PATH_NOT_FOUND" in str(error) else str(error).splitlines()[0]
        raise InputError(f"{source}: {why}", hint="name an export: nilo export -o FILE") from None
    headers = lines.mapInArrow(_read_headers, _HEADERS)
    stretches = headers.withColumn("stretch", f.floor(f.col("position") / STRETCH_EVENTS)).groupBy("stretch")
    survey, rows = Survey(), run(source, stretches.applyInArrow(_survey_stretch, SURVEY_COLUMNS))
    for row in sorted(rows, key=itemgetter("first")):
        if row["first"] == _NO_EVENT:
            raise InputError(f"{source}: it has lines that are no events", hint="nilo audit FILE says which, and why")
        found = pickle.loads(row["survey"])
        assert isinstance(found, Survey)
        survey.merge(found)
    if not rows:
        raise InputError(f"{source}: there is no event in it", hint="name an export: nilo export -o FILE")
    grouping = survey.group()
    if grouping.undivided:
        position = f.get_json_object("value", "$.position").cast("long")  # however the line is spelled
        events = lines.select(position.alias("position"), f.col("value").alias("line"), f.lit(0).alias("part"))
        parts, keys = 1, [0]
    else:
        # All lines are as Nilometer writes them: cut in the place where their headers were read, unparsed.
        parts = min(len(grouping.sizes), max(spark.sparkContext.defaultParallelism, grouping.events // PART_EVENTS))
        part_of = grouping.divide(parts)
        keys = _keys(spark, parts)
        known = [(stream.decode(), keys[part_of[group]]) for stream, group in grouping.group_of.items()]
        streams = f.broadcast(spark.createDataFrame(known, "stream string, part int"))
        position = _behind('"position":', ",").cast("long")
        events = lines.select(
            position.alias("position"), _behind('"subject":"', '"').alias("stream"), f.col("value").alias("line")
        )
        events = events.join(streams, "stream").drop("stream")

    def apply(read: PartReader, columns: str) -> DataFrame:
        def read_part(table: pyarrow.Table) -> pyarrow.Table:
            part = PartOfHistory(
                number=keys.index(table.column("part")[0].as_py()), events=_events_in(table), absent=set()
            )
            return to_table(read(part), columns)

        return events.repartition(parts, "part").groupBy("part").applyInArrow(read_part, columns)

    return SparkHistory(grouping=grouping, parts=parts, source=source, apply=apply)


def _behind(naming: str, end: str) -> Column:
    """What stands in a line behind the last of these names, up to an end."""
    from pyspark.sql import functions as f

    return f.substring_index(f.substring_index(f.col("value"), naming, -1), end, 1)


def _keys(spark: SparkSession, parts: int) -> list[int]:
    """A number for each part that Spark sends to a task of its own: it divides by the hash of the number."""
    hashed = spark.range(64 * parts).selectExpr("cast(id as int) key", f"pmod(hash(cast(id as int)), {parts}) task")
    keys = {row["task"]: row["key"] for row in hashed.collect()}
    return [keys[task] for task in range(parts)]


# In a worker


def _read_headers(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    """The headers of lines; of a line that Nilometer did not write so, its position alone."""
    names = [column.split()[0] for column in _HEADERS.split(", ")]
    for batch in batches:
        rows = [_read_header(line) for line in batch.column("value").cast(pyarrow.binary()).to_pylist()]
        table = to_table([dict(zip(names, row, strict=True)) for row in rows], _HEADERS)
        yield from table.to_batches()


def _read_header(line: bytes) -> tuple[object, ...]:
    header = header_of(line)
    if header is None:
        return _position_in(line), *(None,) * 6
    hosts = hosts_of(header)
    named = _ESCAPED if hosts is None else "\n".join(host.decode() for host in hosts)
    kind, stream, source = header.kind.decode(), header.stream.decode(), header.source.decode()
    return header.position, stream, header.version, f"{kind}/", header.recorded.decode(), source, named


def _position_in(line: bytes) -> int:
    with suppress(ValueError, KeyError, TypeError, IndexError, RecursionError):
        position: object = json.loads(line)["position"]
        if type(position) is int and 0 <= position < 2**63:
            return position
    return _NO_EVENT


def _survey_stretch(table: pyarrow.Table) -> pyarrow.Table:
    """The survey of some positions."""
    table = table.sort_by("position")
    first, sources = table.column("position")[0].as_py(), table.column("source").to_pylist()
    if first == _NO_EVENT:
        return to_table([{"first": first, "survey": b""}], SURVEY_COLUMNS)
    ledgers = {source for source in sources if source is not None}
    if len(ledgers) < 2:
        survey = survey_columns(table, "".join(ledgers).encode())
    else:
        headers = zip(headers_in(table.select(list(HEADER)), b""), sources, strict=True)
        survey = Survey().take_all(
            None if header is None or source is None else header._replace(source=source.encode())
            for header, source in headers
        )
    for stream, hosts in set(zip(table.column("stream").to_pylist(), table.column("hosts").to_pylist(), strict=True)):
        if hosts == _ESCAPED:
            survey.undivided = survey.undivided or f"an event of {stream} names a host with a character that is escaped"
        elif hosts:
            survey.connected.update((stream.encode(), host.encode()) for host in hosts.split("\n"))
    return to_table([{"first": first, "survey": pickle.dumps(survey)}], SURVEY_COLUMNS)


def _events_in(table: pyarrow.Table) -> Iterator[PlacedEvent]:
    """The events of a part, by position."""
    return without_places(read_lines_as_events(_lines_in(table.sort_by("position"))))


def _lines_in(table: pyarrow.Table) -> Iterator[tuple[str, bytes]]:
    for batch in table.select(["position", "line"]).to_batches(max_chunksize=1024):
        lines = batch.column("line").cast(pyarrow.binary()).to_pylist()
        for position, line in zip(batch.column("position").to_pylist(), lines, strict=True):
            yield f"position {position}", line
