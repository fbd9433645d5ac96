"""An export as Parquet on Spark, by its buckets: a task is given the files of its own, and reads them as a share does.

Spark only brings the files, as bytes: it decodes nothing, and no event is sent from a task to another. Their order is
that of their names, made by Spark, and compared with the export's list of files where they are read.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow

from domain.errors import InputError
from nilometer.audit.partitioning.buckets import BucketReader, connect_buckets
from nilometer.audit.partitioning.column_survey import HEADER, survey_columns
from nilometer.audit.partitioning.grouping import Grouping, Survey
from nilometer.history.cloudevents import source_uri
from nilometer.history.parquet.buckets import LABELS, read_columns
from nilometer.history.parquet.manifest import EXPORT_AGAIN, NAME, ExportFile, Manifest, parse_manifest
from nilometer.history.parquet.reading import LedgerFile, check_paths
from nilometer.spark.history import (
    SURVEY_COLUMNS,
    PartReader,
    SparkHistory,
    raise_if_refused,
    read_part,
    run,
    write_survey,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SURVEY_EVENTS: Final = 1_000_000
"""About how many events one task surveys, at a microsecond each."""
MOST_SURVEYS: Final = 16
"""There are no more such tasks, unless Spark runs more at a time: each costs some planning."""
_FILES_TOGETHER: Final = 1
"""How many files a worker is given together: with Spark's own 10,000 they would all be in memory."""

Run = Sequence[ExportFile]
"""Files of a run, or some of them."""


def read_export(spark: SparkSession, source: str) -> SparkHistory | None:
    """Reads an export as Parquet in a folder, wherever Spark can; ``None`` if there is none. Raises ``InputError``."""
    found = _find_manifest(spark, source)
    if found is None:
        return None
    manifest, paths = found
    check_paths(manifest, paths)
    if not manifest.events:
        raise InputError(f"{source}: there is no event in it", hint="name an export that has some")
    grouping, buckets_of = _survey(spark, source, manifest)
    ledger, known = manifest.ledger, frozenset(buckets_of)

    def reader_of_part(number: int, buckets: Sequence[str], runs: Sequence[Run], read: PartReader, columns: str) -> Any:
        streams = frozenset(stream for stream, its in buckets_of.items() if not its.isdisjoint(buckets))

        def read_bucket(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            absent = set[str]()
            pieces = ([file.pieces() for file in files] for _, files in open_runs(batches, runs, ledger, source))
            reader = BucketReader(
                name=source, known=known, is_wanted=streams.__contains__, absent=absent, has_places=False
            )
            yield from read_part(read, columns, number, reader.read(pieces), absent).to_batches()

        return read_bucket

    parts = _divide(manifest, grouping, buckets_of)

    def collect(read: PartReader, columns: str) -> list[dict[str, Any]]:
        tasks: list[DataFrame] = []
        for number, buckets in enumerate(parts):
            runs = _runs_of(manifest, buckets)
            made = reader_of_part(number, buckets, runs, read, columns)
            tasks.append(_files(spark, source, runs).mapInArrow(made, columns))
        return run(spark, source, reduce(_union, tasks), _FILES_TOGETHER)

    return SparkHistory(grouping=grouping, parts=len(parts), source=source, collect=collect)


def _find_manifest(spark: SparkSession, source: str) -> tuple[Manifest, list[str]] | None:
    """The list of the files of an export, and the paths of those that are there, as Hadoop reads it for Spark."""
    from py4j.protocol import Py4JJavaError

    context = spark.sparkContext
    hadoop = context._jvm.org.apache.hadoop.fs
    folder = hadoop.Path(source)
    try:
        system = folder.getFileSystem(context._jsc.hadoopConfiguration())
        whole, paths, listed = str(system.resolvePath(folder)), list[str](), system.listFiles(folder, True)
        while listed.hasNext():
            path = str(listed.next().getPath().toString())
            if path.endswith(".parquet"):
                paths.append(path.removeprefix(whole).lstrip("/"))
        if not system.exists(hadoop.Path(folder, NAME)):
            if paths:
                raise InputError(f"{source}: {NAME} is missing, the list of the export's files", hint=EXPORT_AGAIN)
            return None
        stream = system.open(hadoop.Path(folder, NAME))
        try:
            content = bytes(context._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()
    except Py4JJavaError:
        return None  # not a folder that Hadoop can read, such as a pattern: Spark says what is wrong with it
    return parse_manifest(content, Path(source)), paths


def _files(spark: SparkSession, source: str, runs: Iterable[Run]) -> DataFrame:
    """The files of some runs in one task, as bytes, in the order of the runs: their names have the first position."""
    from pyspark.sql import functions as f

    paths = [f"{source.rstrip('/')}/{file.path}" for run_of_files in runs for file in run_of_files]
    files = spark.read.format("binaryFile").load(paths).select("path", "content").coalesce(1)
    return files.sortWithinPartitions(f.substring_index("path", "/", -1), "path")


def _union(one: DataFrame, other: DataFrame) -> DataFrame:
    return one.union(other)


def _survey(spark: SparkSession, source: str, manifest: Manifest) -> tuple[Grouping, Mapping[bytes, frozenset[str]]]:
    """The groups, which are buckets, or several that belong together; and the buckets of each stream."""
    ledger = manifest.ledger

    def surveyor(runs: Sequence[Run]) -> Callable[[Iterator[pyarrow.RecordBatch]], Iterator[pyarrow.RecordBatch]]:
        def survey_runs(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            try:
                for files, opened in open_runs(batches, runs, ledger, source, LABELS):
                    events, its_buckets = read_columns(opened, files, HEADER)
                    survey = survey_columns(events, source_uri(ledger).encode())
                    yield from write_survey(survey.first, (survey, its_buckets)).to_batches()
            except InputError as error:
                yield from write_survey(0, None, error).to_batches()

        return survey_runs

    most = min(max(1, manifest.events // SURVEY_EVENTS), max(MOST_SURVEYS, spark.sparkContext.defaultParallelism))
    together = -(-len(manifest.runs) // most)
    pieces = [manifest.runs[begin : begin + together] for begin in range(0, len(manifest.runs), together)]
    frames = [_files(spark, source, runs).mapInArrow(surveyor(runs), SURVEY_COLUMNS) for runs in pieces]
    rows = run(spark, source, reduce(_union, frames), _FILES_TOGETHER)
    raise_if_refused(source, rows)
    survey, buckets_of = Survey(), defaultdict[bytes, set[str]](set)
    for row in sorted(rows, key=itemgetter("first")):
        found, pairs = pickle.loads(row["survey"])
        survey.merge(found)
        for stream, bucket in pairs:
            buckets_of[stream.encode()].add(bucket)
    connect_buckets(survey, buckets_of, manifest)
    return survey.group(), {stream: frozenset(buckets) for stream, buckets in buckets_of.items()}


def _divide(manifest: Manifest, grouping: Grouping, buckets_of: Mapping[bytes, frozenset[str]]) -> list[Sequence[str]]:
    """The buckets of each part: those of one group, or all of them."""
    if grouping.undivided:
        return [sorted({file.bucket for run_of_files in manifest.runs for file in run_of_files})]
    buckets = defaultdict[int, set[str]](set)
    for stream, group in grouping.group_of.items():
        buckets[group] |= buckets_of[stream]
    return [sorted(buckets[group]) for group in sorted(buckets)]


def _runs_of(manifest: Manifest, buckets: Sequence[str]) -> list[Run]:
    """The files of some buckets, run by run."""
    runs = ([file for file in run_of_files if file.bucket in buckets] for run_of_files in manifest.runs)
    return [files for files in runs if files]


# In a worker


def open_runs(
    batches: Iterator[pyarrow.RecordBatch],
    runs: Iterable[Run],
    ledger: str,
    source: str,
    encoded: Collection[str] = (),
) -> Iterator[tuple[Run, list[LedgerFile]]]:
    """The files that Spark brings, opened, run by run; ``encoded`` are texts that are read as dictionaries.

    Raises ``InputError`` for any that are not those of the list.
    """
    brought = (file for batch in batches for file in zip(batch.column("path"), batch.column("content"), strict=True))
    for files in runs:
        opened = list[LedgerFile]()
        for file in files:
            path, content = next(brought, (None, None))
            if path is None or content is None or not path.as_py().endswith(f"/{file.path}"):
                raise InputError(f"{source}: {file.path} is missing, or is not read in its turn", hint=EXPORT_AGAIN)
            opened.append(LedgerFile(Path(source) / file.path, file, ledger, content.as_buffer(), encoded))
        yield files, opened
        for file_read in opened:
            file_read.close()
    if next(brought, None) is not None:  # which also lets Spark use this worker again: it has read all
        raise InputError(f"{source}: Spark read a file more than once", hint=EXPORT_AGAIN)
