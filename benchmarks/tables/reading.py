"""The lines of reading a long history: its moments, its memory, its report, live and not, its seal, and imports."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import (
    commands,
    importing,
    moments,
    reporting,
    sealing,
    serving,
)
from benchmarks.report import Line
from benchmarks.scale import Scale
from benchmarks.tables.figures import MB, format_length


def import_spools(scale: Scale) -> Iterator[Line]:
    """A day of a fleet of Hyper-V hosts, polled each minute, and the questions that operators ask of it."""
    yield from importing.lines(scale.polled, scale.folder, scale.histories, times=scale.starts)


def write_history(scale: Scale) -> Iterator[Line]:
    """What the longest history cost to write, and what it takes on disk."""
    stored = scale.history(-1)
    if stored.seconds is not None and stored.catch_up_seconds is not None:
        yield Line(f"write {stored.events:,} events", f"{stored.events / stored.seconds:,.0f} events/s")
        yield Line("catch up the stored views", f"{stored.events / stored.catch_up_seconds:,.0f} events/s")
    bodies, file = stored.bytes_of_bodies() / stored.events, stored.path.stat().st_size / stored.events
    yield Line("stored, an event", f"{file:,.0f} bytes", f"{bodies:,.0f} of them its body")


def any_moment(scale: Scale) -> Iterator[Line]:
    """The view at random moments."""
    stored = scale.history(-1)
    for what, waits in (
        ("position", moments.at_positions(stored, scale.moments)),
        ("time", moments.at_times(stored, scale.moments)),
    ):
        yield Line(
            f"view at a random {what} of {stored.events:,} events",
            f"{waits.most:.2f} s at most",
            f"{waits.middle:.2f} s the median",
            target="< 1 s",
            ok=waits.most < 1,
        )


def flat_memory(scale: Scale) -> Iterator[Line]:
    """Peak memory of whole commands, on histories of all lengths."""
    lengths = ", ".join(map(format_length, scale.lengths))
    for arguments in (["export"], ["replay"], ["log"], ["log", "-n", "20"], ["view"]):
        runs = [
            commands.in_memory(arguments, scale.history(number).url, scale.folder)
            for number in range(len(scale.lengths))
        ]
        growth = runs[-1].peak / runs[0].peak
        yield Line(
            f"peak memory of nilo {' '.join(arguments)}, at {lengths}",
            f"{', '.join(f'{run.peak / MB:.0f}' for run in runs)} MB",
            f"{runs[-1].seconds:.1f} s the longest",
            f"{growth:.2f}",
            "< 1.5",
            growth < 1.5,
        )


def reports(scale: Scale) -> Iterator[Line]:
    """A report of histories of all lengths: the longest in under ten seconds, and its memory does not grow."""
    costs = [reporting.report(scale.history(number), scale.folder) for number in range(len(scale.lengths))]
    longest, growth = costs[-1], costs[-1].peak / costs[0].peak
    yield Line(
        f"nilo report of {format_length(scale.lengths[-1])} events",
        f"{longest.seconds:.1f} s",
        f"{longest.query:.1f} s a raw query of the rows",
        f"{longest.seconds / longest.query:.1f}",
        "< 10 s",
        longest.seconds < 10,
    )
    yield Line(
        "… of the processor",
        f"{longest.cpu:.1f} s",
        f"{longest.query_cpu:.1f} s a raw query of the rows",
        f"{longest.cpu / longest.query_cpu:.1f}",
    )
    yield Line(
        f"… peak memory, at {', '.join(format_length(length) for length in scale.lengths)}",
        f"{', '.join(f'{cost.peak / MB:.0f}' for cost in costs)} MB",
        ratio=f"{growth:.2f}",
        target="< 1.5",
        ok=growth < 1.5,
    )


def served(scale: Scale) -> Iterator[Line]:
    """The live report of the longest history."""
    cost = serving.serve(scale.history(len(scale.lengths) - 1), scale.folder)
    length = format_length(scale.lengths[-1])
    yield Line(
        f"nilo serve of {length} events, until it answers",
        f"{cost.ready:.1f} s",
        f"{cost.whole:.1f} s until all are read",
    )
    yield Line(
        "… its first page",
        f"{cost.first_page * 1000:.0f} ms",
        f"{cost.again * 1000:.0f} ms when nothing is new",
        target="< 200 ms",
        ok=cost.first_page < 0.2,
    )
    yield Line(
        "… from a commit until the page has its event",
        f"{cost.shown * 1000:.0f} ms",
        target="< 1 s",
        ok=cost.shown < 1,
    )


def seal(scale: Scale) -> Iterator[Line]:
    """A seal, beside a loop that reads the same rows and hashes their leaves."""
    costs = sealing.measure(scale.history(-2), scale.folder)
    for what, each, ratio in (
        ("nilo seal", costs.seal, costs.seal_ratio),
        ("nilo verify, one process", costs.verify, costs.verify_ratio),
    ):
        yield Line(
            f"{what} (rows read and leaves hashed)",
            f"{each * 1e6:.1f} µs CPU/event",
            f"{costs.floor * 1e6:.1f} µs CPU/event",
            f"{ratio:.2f}",
            "≤ 1.30",
            ratio <= 1.3,
        )
    yield Line("nilo seal, 100 new events", f"{costs.step * 1e3:.1f} ms CPU", target="≤ 5 ms", ok=costs.step <= 0.005)
    yield Line("a proof of one event", f"{costs.proof * 1e3:.1f} ms CPU", target="≤ 5 ms", ok=costs.proof <= 0.005)
