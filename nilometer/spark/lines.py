"""An export as JSON Lines on Spark: its headers are surveyed, and its lines go in chunks to the task of their group."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow

from domain.errors import InputError
from nilometer.audit.partitioning.grouping import Grouping, Survey
from nilometer.audit.reading import LineEvents
from nilometer.spark.chunks import CHUNKS, cut_lines, lines_in
from nilometer.spark.files import divide_files, find_paths, read_pieces
from nilometer.spark.headers import HEADERS, NO_EVENT, read_headers, survey_headers, without_blank
from nilometer.spark.history import (
    STRETCH_EVENTS,
    SURVEY_COLUMNS,
    PartReader,
    SparkHistory,
    read_part,
    rows_together,
    run,
    to_table,
    write_survey,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PART_EVENTS: Final = 50_000
"""About how many events one task judges, unless a group has more: a group is judged in one piece."""
LINES_TOGETHER: Final = 2000
"""Lines that a worker is given together, two megabytes of them: with Spark's own 10,000 they leave the processor."""
_CHUNKS_TOGETHER: Final = 64
"""How many chunks a worker is given together: each has some hundred kilobytes."""


def read_lines(spark: SparkSession, source: str) -> SparkHistory:
    """Reads an export as JSON Lines, packed with gzip or not, and divides it. Raises ``InputError``.

    What was read is kept on disk, packed, until the function that the history has to collect was called.
    """
    from pyspark import StorageLevel
    from pyspark.errors import AnalysisException

    try:
        lines = spark.read.text(source)
    except AnalysisException as error:
        why = "it does not exist" if "PATH_NOT_FOUND" in str(error) else str(error).splitlines()[0]
        raise InputError(f"{source}: {why}", hint="name an export: nilo export -o FILE") from None
    with rows_together(spark, LINES_TOGETHER):
        chunks = _cut(spark, lines).persist(StorageLevel.DISK_ONLY)
    try:
        grouping = _survey(spark, source, lines, chunks)
    except BaseException:
        chunks.unpersist()
        raise
    parts, keys = 1, [0]
    if not grouping.undivided:
        parts = min(len(grouping.sizes), max(spark.sparkContext.defaultParallelism, grouping.events // PART_EVENTS))
        keys = _keys(spark, parts)
    sent = _send(spark, chunks, grouping, parts, keys)

    def collect(read: PartReader, columns: str) -> list[dict[str, Any]]:
        def read_task(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            waiting = list(batches)
            if not waiting:
                return
            table = pyarrow.Table.from_batches(waiting)
            (key,) = table.column("part").unique().to_pylist()  # as the keys are chosen so
            events = LineEvents(lines_in(table), _place_of, has_places=False)
            yield from read_part(read, columns, keys.index(key), events, set()).to_batches()

        try:
            return run(spark, source, sent.mapInArrow(read_task, columns), _CHUNKS_TOGETHER)
        finally:
            chunks.unpersist()

    return SparkHistory(grouping=grouping, parts=parts, source=source, collect=collect)


def _cut(spark: SparkSession, lines: DataFrame) -> DataFrame:
    """The chunks of all lines; workers that can read these themselves need not be given them, which takes longer."""
    paths = find_paths(lines.inputFiles())
    if paths is None:
        return lines.mapInArrow(cut_lines, CHUNKS)
    tasks = divide_files(paths, spark.sparkContext.defaultParallelism)

    def cut_pieces(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        for batch in batches:
            numbers: list[int] = batch.column("id").to_pylist()
            for number in numbers:
                yield from cut_lines(read_pieces(tasks[number]))

    return spark.range(0, len(tasks), 1, max(1, len(tasks))).mapInArrow(cut_pieces, CHUNKS)


def _survey(spark: SparkSession, source: str, lines: DataFrame, chunks: DataFrame) -> Grouping:
    """The groups of a history, by the surveys that came with its chunks, or, if it is in no order, by its headers."""
    from pyspark.sql import functions as f

    rows = run(spark, source, chunks.where("stream is null").select("first", "survey"))
    if any(row["survey"] is None for row in rows):
        stretches = lines.mapInArrow(_read_headers, HEADERS)
        stretches = stretches.withColumn("stretch", f.floor(f.col("position") / STRETCH_EVENTS))
        frame = stretches.groupBy("stretch").applyInArrow(_survey_stretch, SURVEY_COLUMNS)
        rows = run(spark, source, frame, LINES_TOGETHER)
    if not rows:
        raise InputError(f"{source}: there is no event in it", hint="name an export: nilo export -o FILE")
    if any(row["survey"] is None for row in rows):
        raise InputError(f"{source}: it has lines that are not events", hint="nilo audit FILE says which, and why")
    survey = Survey()
    for row in sorted(rows, key=itemgetter("first")):
        survey.merge(pickle.loads(row["survey"]))
    return survey.group()


def _send(spark: SparkSession, chunks: DataFrame, grouping: Grouping, parts: int, keys: list[int]) -> DataFrame:
    """The chunks, each in the task of its part."""
    from pyspark.sql import functions as f

    columns = ["positions", "lengths", "lines"]
    if grouping.undivided:
        return chunks.where("stream is not null").select(f.lit(keys[0]).alias("part"), *columns).repartition(1)
    part_of = grouping.divide(parts)
    known = [{"stream": stream.decode(), "part": keys[part_of[group]]} for stream, group in grouping.group_of.items()]
    streams = f.broadcast(spark.createDataFrame(to_table(known, "stream string, part int")))
    return chunks.join(streams, "stream").select("part", *columns).repartition(parts, "part")


def _keys(spark: SparkSession, parts: int) -> list[int]:
    """A number for each part that Spark sends to a task of its own: it divides by the hash of the number."""
    hashed = spark.range(64 * parts).selectExpr("cast(id as int) key", f"pmod(hash(cast(id as int)), {parts}) task")
    keys = {row["task"]: row["key"] for row in hashed.collect()}
    return [keys[task] for task in range(parts)]


# In a worker


def _read_headers(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    for batch in batches:
        yield from read_headers(without_blank(batch.column("value").cast(pyarrow.binary()))).to_batches()


def _survey_stretch(table: pyarrow.Table) -> pyarrow.Table:
    """The survey of some positions; none if there are lines that are no events."""
    table = table.sort_by("position")
    first = table.column("position")[0].as_py()
    return write_survey(first, None if first == NO_EVENT else survey_headers(table))


def _place_of(position: int) -> str:
    return f"position {position}"
