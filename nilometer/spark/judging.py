"""Judges a history on Spark: each part by the product's own judge, all of them joined as shares are.

``audit`` gives a table. What ``nilo audit`` prints of it, and its exit code, ``submit`` gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from domain.errors import InputError
from nilometer.audit.documents.share import Share, ShareOrigin, parse_share, write_share
from nilometer.audit.identifying import identify
from nilometer.audit.partitioning.parallel import judge_groups
from nilometer.audit.partitioning.shares import join_shares, trace_share
from nilometer.audit.result import Audit
from nilometer.audit.wording import format_message
from nilometer.spark.exports import read_export
from nilometer.spark.history import PartOfHistory, Row, SparkHistory, raise_if_refused
from nilometer.spark.lines import read_lines
from nilometer.times import current_time, system_clock
from rules.judging.completeness import PlacedEvent
from rules.judging.judge import Judge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

AUDIT_COLUMNS: Final = (
    "kind string, id string, rule string, verdict string, position long, time string, subject string, message string, "
    "follows long, count long, expected string, found string, holds long, violated long, unknown long, remarks long"
)
"""``kind`` is ``finding`` or ``coverage``; figures of a finding are JSON; the last four columns are of the coverage."""


def audit(spark: SparkSession, source: str) -> DataFrame:
    """The audit of a history: a row for each finding that is kept, and one for each rule. Raises ``InputError``."""
    return spark.createDataFrame(
        list(audit_rows(join_shares(judge_history(spark, source)[0], minor=True))), AUDIT_COLUMNS
    )


def judge_history(spark: SparkSession, source: str) -> tuple[list[Share], SparkHistory]:
    """Judges a history; gives all its shares. Raises ``InputError`` for what is no history."""
    history = read_history(spark, source)
    origin = trace_share(history.grouping, history.parts)
    late = None if history.grouping.undivided else history.grouping.late
    shares = list[Share]()
    rows = history.collect(lambda part: judge_part(part, origin, late), _SHARE_COLUMNS)
    raise_if_refused(source, rows)
    for row in rows:
        shares.append(parse_share(str(row["document"]), f"part {row['part']}"))
    return shares, history


_SHARE_COLUMNS: Final = "part int, document string, error string, hint string"


def read_history(spark: SparkSession, source: str) -> SparkHistory:
    """Reads an export, as Parquet or as JSON Lines, and divides it. Raises ``InputError``."""
    if source.endswith(".parquet"):
        hint = "name the folder that nilo export --as parquet wrote"
        raise InputError(f"{source}: on Spark an export as Parquet is read in its folder", hint=hint)
    return read_export(spark, source) or read_lines(spark, source)


def judge_part(part: PartOfHistory, origin: ShareOrigin, late: Mapping[int, str] | None) -> list[Row]:
    """Judges one part, in a worker; ``late`` is ``None`` if it is the whole history, which cannot be divided."""
    begun = current_time(system_clock)
    try:
        found = _judge(part.events, origin, late)
    except InputError as error:
        return [{"part": part.number, "document": None, "error": error.message, "hint": error.hint}]
    share = Share(
        name="",
        number=part.number + 1,
        origin=origin,
        audit=found,
        source="",
        files={},
        begun=begun,
        ended=current_time(system_clock),
        sealed=None,
        unreadable=(),
        unreadable_count=0,
        absent=() if late is None else tuple(sorted(part.absent)),
    )
    text = json.dumps(write_share(share), ensure_ascii=False)
    return [{"part": part.number, "document": text, "error": None, "hint": None}]


def _judge(events: Iterator[PlacedEvent], origin: ShareOrigin, late: Mapping[int, str] | None) -> Audit:
    if late is not None:
        return judge_groups(events, origin.ledger, late)
    audit, judge = Audit(minor=True), Judge()
    audit.judge(events, judge, origin.ledger)
    audit.finish(judge, origin.ledger)
    return audit


def audit_rows(audit: Audit) -> Iterator[tuple[object, ...]]:
    """An audit as rows with ``AUDIT_COLUMNS``."""
    for id, sourced in identify(audit.findings):
        finding, nothing = sourced.finding, (None,) * 4
        at = finding.at
        figures = json.dumps(dict(finding.expected)), json.dumps(dict(finding.found))
        what = "finding", id, finding.rule, finding.verdict.value, at.position, at.happened, at.stream
        yield *what, format_message(finding), finding.follows, finding.count, *figures, *nothing
    for rule, coverage in sorted(audit.coverage.rules.items()):
        counts = coverage.holds, coverage.violated, coverage.unknown, coverage.remarks
        verdict = "violated" if coverage.violated else "unknown" if coverage.unknown else "holds"
        yield "coverage", None, rule, verdict, *(None,) * 5, coverage.applicable, None, None, *counts
