"""The events of a history on Spark, and its groups of hosts: surveyed in stretches of positions, merged on the driver.

The order of rows is never taken from the engine: whoever needs an order sorts by position.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from domain.errors import InputError
from nilometer.audit.grouping import Grouping, Survey
from nilometer.audit.sources import header_of
from nilometer.history.opening import is_parquet

if TYPE_CHECKING:
    from pandas import DataFrame as Frame
    from pyspark.sql import DataFrame, SparkSession

STRETCH_EVENTS: Final = 100_000
"""Positions that are surveyed together: as many lines a Python worker keeps."""
PART_EVENTS: Final = 50_000
"""About how many events one task judges, unless a group has more: a group is judged in one piece."""


@dataclass(frozen=True, slots=True)
class SparkHistory:
    """A history on Spark."""

    events: DataFrame
    """``part``, ``position`` and ``line`` of each event."""
    grouping: Grouping
    parts: int
    source: str
    """What was read."""


def read_history(spark: SparkSession, source: str) -> SparkHistory:
    """Reads an export as JSON Lines, packed with gzip or not, and divides it. Raises ``InputError``."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as f

    if source.endswith(".parquet") or is_parquet(source):
        hint = "judge it in shares: nilo audit DIR --share K/N; or export JSON Lines: nilo export -o FILE"
        raise InputError(f"{source}: on Spark, JSON Lines are read, and this is Parquet", hint=hint)
    try:
        lines = spark.read.text(source).where("trim(value) <> ''")
    except AnalysisException as error:
        why = "it does not exist" if "PATH_NOT_FOUND" in str(error) else str(error).splitlines()[0]
        raise InputError(f"{source}: {why}", hint="name an export: nilo export -o FILE") from None
    position, stream = f.get_json_object("value", "$.position"), f.get_json_object("value", "$.subject")
    events = lines.select(position.cast("long").alias("position"), stream.alias("stream"), f.col("value").alias("line"))
    survey = Survey()
    stretch = f.floor(f.coalesce(f.col("position"), f.lit(-1)) / STRETCH_EVENTS)
    surveyed = events.withColumn("stretch", stretch).groupBy("stretch")
    rows = run(source, surveyed.applyInPandas(survey_stretch, "first long, survey binary"))
    for row in sorted(rows, key=itemgetter("first")):
        if row["first"] < 0:
            raise InputError(f"{source}: it has lines that are no events", hint="nilo audit FILE says which, and why")
        found = pickle.loads(row["survey"])
        assert isinstance(found, Survey)
        survey.merge(found)
    if not rows:
        raise InputError(f"{source}: there is no event in it", hint="name an export: nilo export -o FILE")
    grouping = survey.group()
    if grouping.undivided:
        return SparkHistory(events=events.withColumn("part", f.lit(0)), grouping=grouping, parts=1, source=source)
    parts = min(len(grouping.sizes), max(spark.sparkContext.defaultParallelism, grouping.events // PART_EVENTS))
    part_of = grouping.divide(parts)
    known = [(stream.decode(), part_of[group]) for stream, group in grouping.group_of.items()]
    streams = f.broadcast(spark.createDataFrame(known, "stream string, part int"))
    return SparkHistory(
        events=events.join(streams, "stream").drop("stream"), grouping=grouping, parts=parts, source=source
    )


def survey_stretch(frame: Frame) -> Frame:
    """The survey of some positions, in a worker."""
    import pandas

    frame = sorted_by_position(frame)
    if frame["position"].isna().any():
        return pandas.DataFrame({"first": [-1], "survey": [b""]})
    survey = Survey().take_all(header_of(line.encode()) for line in frame["line"])
    return pandas.DataFrame({"first": [int(frame["position"].iloc[0])], "survey": [pickle.dumps(survey)]})


def sorted_by_position(frame: Frame) -> Frame:
    """The rows in the order of their positions; an engine promises none."""
    return frame.sort_values("position", kind="stable")


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
