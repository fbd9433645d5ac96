"""An export as Parquet on Spark, by its buckets: a task reads the files of its own, and no event is sent to another.

Within a task Spark sorts the rows by position. That they are those that were written, in that order, the digests of the
files show.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow

from domain.errors import InputError
from nilometer.audit.buckets import BucketReader
from nilometer.audit.column_survey import HEADER, survey_columns
from nilometer.audit.grouping import Grouping, Survey
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri, write_digested_lines
from nilometer.history.columns import STORED
from nilometer.history.parquet.arrow import to_utc_times
from nilometer.history.parquet.buckets import BUCKET, bucket_of, streams_with_buckets
from nilometer.history.parquet.manifest import EXPORT_AGAIN, NAME, ExportFile, Manifest, parse_manifest
from nilometer.history.parquet.reading import ColumnHeader, check_paths
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
from nilometer.storage.reader import StoredRow

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SCHEMA: Final = "position long, stream string, version long, topic string, body string, recorded timestamp"
Files = Mapping[str, Sequence[ExportFile]]
"""The files of each bucket, in the order of their events."""


def read_export(spark: SparkSession, source: str) -> SparkHistory | None:
    """Reads an export as Parquet in a folder, wherever Spark can; ``None`` if there is none. Raises ``InputError``."""
    found = _find_manifest(spark, source)
    if found is None:
        return None
    manifest, paths = found
    check_paths(manifest, paths)
    files = _by_bucket(manifest)
    frames = {bucket: _frame(spark, source, bucket, each) for bucket, each in files.items()}
    if not frames:
        raise InputError(f"{source}: there is no event in it", hint="name an export that has some")
    grouping, buckets_of = _survey(source, manifest, frames)
    parts = _divide(files, grouping, buckets_of)

    def apply(read: PartReader, columns: str) -> DataFrame:
        made = [
            _sorted_in_one(reduce(_union, [frames[bucket] for bucket in buckets])).mapInArrow(
                reader_of_part(number, {bucket: files[bucket] for bucket in buckets}, read, columns), columns
            )
            for number, buckets in enumerate(parts)
        ]
        return reduce(_union, made)

    ledger, known = manifest.ledger, frozenset(buckets_of)

    def reader_of_part(number: int, own: Files, read: PartReader, columns: str) -> Any:
        streams = frozenset(stream for stream, buckets in buckets_of.items() if not buckets.isdisjoint(own))

        def read_part(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            absent = set[str]()
            lines = read_rows(batches, own, ledger, source)
            reader = BucketReader(name=source, known=known, is_wanted=streams.__contains__, absent=absent)
            part = PartOfHistory(number=number, events=without_places(reader.read(lines)), absent=absent)
            yield from to_table(read(part), columns).to_batches()

        return read_part

    return SparkHistory(grouping=grouping, parts=len(parts), source=source, apply=apply)


def _find_manifest(spark: SparkSession, source: str) -> tuple[Manifest, list[str]] | None:
    """The list of the files of an export, and the paths of those that are there, as Hadoop reads it for Spark."""
    from py4j.protocol import Py4JJavaError

    context = spark.sparkContext
    hadoop = context._jvm.org.apache.hadoop.fs
    folder = hadoop.Path(source)
    try:
        system = folder.getFileSystem(context._jsc.hadoopConfiguration())
        if not system.exists(hadoop.Path(folder, NAME)):
            return None
        stream = system.open(hadoop.Path(folder, NAME))
        try:
            content = bytes(context._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()
        whole, paths, listed = str(system.resolvePath(folder)), list[str](), system.listFiles(folder, True)
        while listed.hasNext():
            path = str(listed.next().getPath().toString())
            if path.endswith(".parquet"):
                paths.append(path.removeprefix(whole).lstrip("/"))
    except Py4JJavaError:
        return None  # not a folder that Hadoop can read, such as a pattern: Spark says what is wrong with it
    return parse_manifest(content, Path(source)), paths


def _by_bucket(manifest: Manifest) -> dict[str, list[ExportFile]]:
    files = defaultdict[str, list[ExportFile]](list)
    for run_of_events in manifest.runs:
        for file in run_of_events:
            files[bucket_of(file)].append(file)
    return dict(sorted(files.items()))


def _frame(spark: SparkSession, source: str, bucket: str, files: Sequence[ExportFile]) -> DataFrame:
    """The rows of a bucket, in no order."""
    from pyspark.sql import functions as f

    paths = [f"{source.rstrip('/')}/{file.path}" for file in files]
    return spark.read.schema(_SCHEMA).parquet(*paths).select(*_SELECTED).withColumn(BUCKET, f.lit(bucket))


_SELECTED: Final = (*STORED, "recorded")


def _union(one: DataFrame, other: DataFrame) -> DataFrame:
    return one.union(other)


def _sorted_in_one(frame: DataFrame) -> DataFrame:
    """All rows in one task, by position: nothing is sent between tasks."""
    return frame.coalesce(1).sortWithinPartitions("position")


def _survey(
    source: str, manifest: Manifest, frames: Mapping[str, DataFrame]
) -> tuple[Grouping, Mapping[bytes, frozenset[str]]]:
    """The groups, which are buckets, or several that belong together; and the buckets of each stream."""
    from pyspark.sql import functions as f

    ledger = source_uri(manifest.ledger).encode()

    def survey_stretch(table: pyarrow.Table) -> pyarrow.Table:
        found = survey_columns(table, ledger), streams_with_buckets(table)
        return to_table([{"first": found[0].first, "survey": pickle.dumps(found)}], SURVEY_COLUMNS)

    events = reduce(_union, frames.values()).select(*HEADER, BUCKET)
    stretches = events.withColumn("stretch", f.floor(f.col("position") / STRETCH_EVENTS)).groupBy("stretch")
    survey, buckets_of = Survey(), defaultdict[bytes, set[str]](set)
    for row in sorted(run(source, stretches.applyInArrow(survey_stretch, SURVEY_COLUMNS)), key=itemgetter("first")):
        found, pairs = pickle.loads(row["survey"])
        survey.merge(found)
        for stream, bucket in pairs:
            buckets_of[stream.encode()].add(bucket)
    first = dict[str, bytes]()
    for stream, buckets in buckets_of.items():
        survey.connected.update((first.setdefault(bucket, stream), stream) for bucket in buckets)
    return survey.group(), {stream: frozenset(buckets) for stream, buckets in buckets_of.items()}


def _divide(files: Files, grouping: Grouping, buckets_of: Mapping[bytes, frozenset[str]]) -> list[list[str]]:
    """The buckets of each part: those of one group, or all of them."""
    if grouping.undivided:
        return [list(files)]
    buckets = defaultdict[int, set[str]](set)
    for stream, group in grouping.group_of.items():
        buckets[group] |= buckets_of[stream]
    return [sorted(buckets[group]) for group in sorted(buckets)]


# In a worker


def read_rows(
    batches: Iterator[pyarrow.RecordBatch], files: Files, ledger: str, source: str
) -> Iterator[tuple[ColumnHeader, bytes]]:
    """The history lines of rows, by position, with what the columns say.

    Raises ``InputError`` if they are not those that were written, or stand in another order.
    """
    digests = {bucket: _Digests(source, each) for bucket, each in files.items()}
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in STORED]
        if any(None in column for column in columns):
            raise InputError(f"{source}: a row has no position, stream or body", hint=EXPORT_AGAIN)
        rows = [
            StoredRow(position, stream, version, topic, body.encode())  # by position: done for every event
            for position, stream, version, topic, body in zip(*columns, strict=True)
        ]
        recorded, buckets = to_utc_times(batch.column("recorded")), batch.column(BUCKET).to_pylist()
        try:
            lines = list(write_digested_lines(rows, ledger))
        except UnreadableEvent as error:
            raise InputError(f"{source}: {error.message}", hint=EXPORT_AGAIN) from None
        for row, moment, bucket, line in zip(rows, recorded, buckets, lines, strict=True):
            digests[bucket].add(row.position, line)
            yield ColumnHeader(row.position, row.stream, row.version, row.topic, moment), line
    for digest in digests.values():
        digest.finish()


class _Digests:
    """Compares the lines of a bucket with the digests of its files, one after the other."""

    def __init__(self, source: str, files: Sequence[ExportFile]) -> None:
        self._source = source
        self._files = deque(files)
        self._digest, self._events = hashlib.sha256(), 0

    def add(self, position: int, line: bytes) -> None:
        """Takes the next line."""
        while self._files and position > self._files[0].last:
            self._end_file()
        self._digest.update(line)
        self._events += 1

    def finish(self) -> None:
        """Ends the bucket."""
        while self._files:
            self._end_file()
        if self._events:
            raise InputError(f"{self._source}: it has rows that were not written", hint=EXPORT_AGAIN)

    def _end_file(self) -> None:
        file = self._files.popleft()
        if (self._events, self._digest.hexdigest()) != (file.events, file.sha256):
            raise InputError(
                f"{self._source}/{file.path}: its rows are not those that were written, {file.events:,} events from "
                f"position {file.first} on: their SHA-256 is another",
                hint=EXPORT_AGAIN,
            )
        self._digest, self._events = hashlib.sha256(), 0
