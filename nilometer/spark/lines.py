"""An export as JSON Lines on Spark: its headers are surveyed, and each line goes to the task of its group."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import suppress
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow
from pyarrow import compute

from domain.errors import InputError
from nilometer.audit.column_survey import HEADER, headers_in, survey_columns
from nilometer.audit.grouping import Survey, hosts_of
from nilometer.audit.reading import LineEvents
from nilometer.audit.sources import header_of
from nilometer.spark.history import (
    STRETCH_EVENTS,
    SURVEY_COLUMNS,
    PartReader,
    SparkHistory,
    read_part,
    run,
    to_columns,
    to_table,
    write_survey,
)
from nilometer.textio.streaming import in_batches

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

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
    rows = run(spark, source, lines.mapInArrow(_survey_in_place, SURVEY_COLUMNS))
    if any(row["survey"] is None for row in rows):
        stretches = lines.mapInArrow(_read_headers, _HEADERS)
        stretches = stretches.withColumn("stretch", f.floor(f.col("position") / STRETCH_EVENTS))
        rows = run(spark, source, stretches.groupBy("stretch").applyInArrow(_survey_stretch, SURVEY_COLUMNS))
    if not rows:
        raise InputError(f"{source}: there is no event in it", hint="name an export: nilo export -o FILE")
    if any(row["survey"] is None for row in rows):
        raise InputError(f"{source}: it has lines that are not events", hint="nilo audit FILE says which, and why")
    survey = Survey()
    for row in sorted(rows, key=itemgetter("first")):
        survey.merge(pickle.loads(row["survey"]))
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
        known = [
            {"stream": stream.decode(), "part": keys[part_of[group]]} for stream, group in grouping.group_of.items()
        ]
        streams = f.broadcast(spark.createDataFrame(to_table(known, "stream string, part int")))
        position = _behind('"position":', ",").cast("long")
        events = lines.select(
            position.alias("position"), _behind('"subject":"', '"').alias("stream"), f.col("value").alias("line")
        )
        events = events.join(streams, "stream").drop("stream")

    def collect(read: PartReader, columns: str) -> list[dict[str, Any]]:
        def read_task(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            waiting = list(batches)
            if not waiting:
                return
            table = pyarrow.Table.from_batches(waiting)
            for key in set(table.column("part").to_pylist()):  # there is one, as the keys are chosen so
                part = table.filter(compute.equal(table.column("part"), key))
                yield from read_part(read, columns, keys.index(key), _events_in(part), set()).to_batches()

        return run(spark, source, events.repartition(parts, "part").mapInArrow(read_task, columns))

    return SparkHistory(grouping=grouping, parts=parts, source=source, collect=collect)


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
    for batch in batches:
        rows = [_read_header(line) for line in batch.column("value").cast(pyarrow.binary()).to_pylist()]
        yield from to_columns(zip(*rows, strict=True), _HEADERS).to_batches()


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


def _survey_in_place(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    """The survey of what one task reads; none where that is not some consecutive events, in order but for nearby ones.

    It saves to send the headers of a history whose lines are in order, as they are nearly always.
    """
    survey = Survey()
    for batch in batches:
        headers = [header_of(line) for line in batch.column("value").cast(pyarrow.binary()).to_pylist()]
        known = sorted((header for header in headers if header is not None), key=attrgetter("position"))
        first, last = (known[0].position, known[-1].position) if known else (0, 0)
        is_next = not survey.first or (first == survey.last + 1 and not survey.undivided)
        if len(known) < len(headers) or last - first + 1 != len(known) or not is_next:
            yield from write_survey(0, None).to_batches()
            for _ in batches:
                pass  # Spark uses a worker again that has read all
            return
        survey.take_all(known)
    if survey.first or survey.undivided:
        yield from write_survey(survey.first, survey).to_batches()


def _survey_stretch(table: pyarrow.Table) -> pyarrow.Table:
    """The survey of some positions; none if there are lines that are no events."""
    table = table.sort_by("position")
    first = table.column("position")[0].as_py()
    return write_survey(first, None if first == _NO_EVENT else _survey_headers(table))


def _survey_headers(table: pyarrow.Table) -> Survey:
    """The survey of the events whose headers these are, in order."""
    sources = table.column("source").to_pylist()
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
            survey.undivided = survey.undivided or f"an event of {stream} names a host in a spelling of its own"
        elif hosts:
            survey.connected.update((stream.encode(), host.encode()) for host in hosts.split("\n"))
    return survey


def _events_in(table: pyarrow.Table) -> LineEvents[int]:
    """The events of a part, by position."""
    return LineEvents(in_batches(_lines_in(table.sort_by("position"))), _place_of, has_places=False)


def _place_of(position: int) -> str:
    return f"position {position}"


def _lines_in(table: pyarrow.Table) -> Iterator[tuple[int, bytes]]:
    for batch in table.select(["position", "line"]).to_batches(max_chunksize=1024):
        lines = batch.column("line").cast(pyarrow.binary()).to_pylist()
        yield from zip(batch.column("position").to_pylist(), lines, strict=True)
