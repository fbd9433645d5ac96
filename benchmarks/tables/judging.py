"""The lines of judging: replay, audit, audit in shares and on Spark, the sieve, rules as columns."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import (
    columns,
    judging,
    replaying,
    sharing,
    sieving,
    sparking,
)
from benchmarks.report import Line
from benchmarks.scale import Scale
from benchmarks.tables.figures import MB, format_length, format_rates


def replay(scale: Scale) -> Iterator[Line]:
    """Rows to hosts and VMs, and to lines."""
    stored = scale.history(-2)
    pieces = min(scale.pieces, stored.events // scale.replayed)
    for what, work, target in (
        ("replay rows to state (json.loads)", replaying.replay, 1 / 3),
        ("nilo export: rows to lines (json.loads)", replaying.export, 1 / 2),
        ("nilo log as JSON: rows to lines (json.loads)", replaying.list_as_json, 1 / 2),
        ("nilo log: rows to words (json.loads)", replaying.list_in_words, 1 / 2),
    ):
        yield format_rates(what, "events/s", work(stored, pieces=pieces, events=scale.replayed), target)


def judge(scale: Scale) -> Iterator[Line]:
    """Judging a decided history, by one process and by two."""
    stored = scale.history(-2)
    pieces = min(scale.pieces, stored.events // scale.replayed)
    both = judging.judge(stored, pieces=pieces, events=scale.replayed)
    yield format_rates("judge lines of a history (json.loads)", "events/s", both, 0.4)
    file = judging.export(stored, scale.folder)
    one, two = (judging.audit(file, cores=cores) for cores in (1, 2))
    yield Line(
        f"nilo audit of {stored.events:,} events by two processes, beside one",
        f"{stored.events / two:,.0f} events/s",
        f"{stored.events / one:,.0f} events/s",
        f"{one / two:.2f}",
    )


def share(scale: Scale) -> Iterator[Line]:
    """Judging a history in two shares, and on Spark where that is installed.

    What counts is a long history: of a short one most is the starts of programs, and the planning of Spark.
    """
    short, long = scale.history(-2), scale.history(-1)
    for stored, costs in (
        (short, sharing.measure(short, scale.folder, rounds=scale.shared)),
        (long, sharing.measure(long, scale.folder, rounds=1, forms=(sharing.PARQUET,))),
    ):
        for form, cost in costs.items():
            yield Line(
                f"audit of {stored.events:,} events in two shares: {form}",
                f"{max(cost.shares):.2f} CPU s the longer, {cost.join:.2f} the join",
                f"{cost.whole:.2f} CPU s in one piece",
                f"{cost.gain:.2f}",
                "≥ 1.8" if stored is long else "",
                cost.gain >= 1.8 if stored is long else None,
            )
    if scale.spark and sparking.is_there():
        first = scale.history(-3)
        for form, exported in ((sharing.LINES, judging.export), (sharing.PARQUET, sharing.export_with_buckets)):
            files = exported(first, scale.folder), exported(long, scale.folder)
            warm = sparking.measure(*files, long.events, long.events - first.events)
            yield Line(
                f"audit of {long.events:,} events on Spark, after a first job: {form}",
                f"{warm.spark * 1e6:.0f} µs CPU/event",
                f"{warm.audit * 1e6:.0f} µs CPU/event nilo audit",
                f"{warm.ratio:.2f}",
                "≤ 1.5",
                warm.ratio <= 1.5,
            )


def sieve(scale: Scale) -> Iterator[Line]:
    """The sieve, on a history of which it clears all."""
    cost = sieving.measure(scale.history(-1), scale.folder, rounds=scale.sieved)
    sieved, events = cost.sieving, cost.sieving.events
    rate, memory = events / sieved.sieve / 1e6, sieved.peak / MB
    yield Line(
        f"sieve {events:,} events of Parquet, rules read",
        f"{rate:.2f} million/CPU s",
        target="≥ 0.3 million/CPU s",
        ok=rate >= 0.3,
    )
    yield Line(
        "… as nilo audit --sieve (nilo audit)",
        f"{events / cost.whole / 1e6:.2f} million/CPU s",
        f"{events / cost.judge / 1e6:.3f} million/CPU s",
        f"{cost.judge / cost.whole:.1f}",
    )
    yield Line(
        "… (columns read and no more)",
        f"{sieved.sieve / events * 1e6:.1f} µs CPU/event",
        f"{sieved.decode / events * 1e6:.1f} µs CPU/event",
        f"{sieved.sieve / sieved.decode:.1f}",
    )
    yield Line("… peak memory", f"{memory:,.0f} MB", target="< 1074 MB", ok=memory < 1074)


def judge_any_length(scale: Scale) -> Iterator[Line]:
    """Peak memory of ``nilo audit`` on histories that are made while they are judged."""
    runs = [judging.audit_of_any_length(events, scale.folder) for events in scale.judged]
    growth = runs[-1].peak / runs[0].peak
    yield Line(
        f"peak memory of nilo audit, at {', '.join(format_length(length) for length in scale.judged)}",
        f"{', '.join(f'{run.peak / MB:.0f}' for run in runs)} MB",
        f"{runs[-1].seconds:.0f} s the longest",
        f"{growth:.2f}",
        "< 1.2",
        growth < 1.2,
    )


def as_columns(scale: Scale) -> Iterator[Line]:
    """Parquet, and the rules as columns."""
    costs = columns.write(scale.history(-2), scale.folder)
    yield Line(
        "nilo export --as parquet, an event (JSON Lines)",
        f"{costs.parquet * 1e6:.0f} µs, {costs.parquet_bytes:.0f} bytes",
        f"{costs.lines * 1e6:.0f} µs, {costs.line_bytes:.0f} bytes",
        f"{costs.parquet / costs.lines:.2f}",
        "< 3",
        costs.parquet < 3 * costs.lines,
    )
    for command, (decided, read) in columns.decide(scale.decided).items():
        yield Line(
            f"{command} as columns (rows only read)",
            f"{decided:.2f} million/CPU s",
            f"{read:.2f} million/CPU s",
            f"{decided / read:.2f}",
            "≥ 0.1",
            decided >= 0.1 * read,
        )
