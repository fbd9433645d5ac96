"""A host in the fleet: its memory over a day as a strip, one row of a table. All strips of a page share one axis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Final

from htpy import Node, Renderable

from nilometer.report.chart.frame import rectangle, stretched, stroked
from nilometer.report.chart.looks import (
    ASSIGNED,
    AXIS,
    BAND,
    GROUND,
    INK,
    MUTED,
    UNEXPLAINED,
    UNWATCHED,
    element,
    percent,
    text,
)
from nilometer.report.chart.paths import Band, Level, band_path, bands_between, levels_of, sizes_between, step_path
from nilometer.report.chart.scales import AT_END, AT_START, SizeScale, TimeScale, seconds, ticks
from nilometer.report.series import Chart, LineName

HEIGHT: Final = 34
_COLUMN: Final = 0.3
"""A strip is narrow: what lies within so much of it is not told apart, in percent."""


def draw_strip(chart: Chart) -> Renderable:
    """Draws a host's day: its reserve, what its VMs hold, and, hatched, what neither explains. Free is left empty."""
    scale = strip_scale(chart)
    total, reserve, held, free = (_levels(chart, name, scale) for name in ("total", "reserve", "held", "free"))
    edges = sorted(
        {edge for line in (total, reserve, held, free) for level in line for edge in (level.begin, level.end)}
    )
    base, holding = sizes_between(edges, reserve), sizes_between(edges, held)
    top = [low + size for low, size in zip(base, holding, strict=True)]
    capacity = sizes_between(edges, total)
    explained = [
        max(high, whole - rest)
        for high, whole, rest in zip(top, capacity, _free_between(edges, free, top, capacity), strict=True)
    ]
    sizes = SizeScale(most=max((*capacity, *top, 1)), height=HEIGHT, head=2)
    return element(
        "svg",
        {"class": "strip", "width": "100%", "height": str(HEIGHT), "role": "img", "aria-label": chart.description},
        {"overflow": "visible"},
    )[
        rectangle(0, 100, 2, HEIGHT - 2, BAND),
        stretched(
            HEIGHT,
            element("path", {"d": band_path(_bands(edges, base), sizes.place), "fill": MUTED, "class": "f-reserve2"}),
            element("path", {"d": band_path(bands_between(edges, base, top), sizes.place), "fill": ASSIGNED},
                    {"class": "f-assigned"}),
        ),
        [_unexplained(band, sizes) for band in bands_between(edges, top, explained)],
        stretched(HEIGHT, stroked(step_path(total, sizes.place), {"stroke": INK, "class": "inkline"})),
        _unwatched(chart, scale),
    ]  # fmt: skip


def strip_scale(chart: Chart) -> TimeScale:
    """The whole width, without narrowed stretches: strips are compared with each other."""
    since, until = seconds(chart.since), seconds(chart.until)
    return TimeScale(kind="time", knots=(since, max(until, since + 1)), places=(0.0, 100.0))


def draw_strip_axis(chart: Chart, zone: tzinfo = UTC) -> Renderable:
    """The times of the strips, above or below them: those of one of their charts."""
    return element("svg", {"class": "stripaxis", "width": "100%", "height": "20", "aria-hidden": "true"},
                   {"overflow": "visible", "font-size": "12"})[_times(strip_scale(chart), zone)]  # fmt: skip


def _times(scale: TimeScale, zone: tzinfo) -> Iterator[Node]:
    for tick in ticks(scale, zone):
        place = percent(tick.place)
        anchor = "start" if tick.place < AT_START else "end" if tick.place > AT_END else "middle"
        yield element("line", {"x1": place, "x2": place, "y1": "15", "y2": "20"}, AXIS)
        yield text({"x": place, "y": "12", "text-anchor": anchor}, tick.words, style="minor" if tick.is_minor else "")


def _levels(chart: Chart, name: LineName, scale: TimeScale) -> list[Level]:
    return [level for line in chart.lines if line.name == name for level in levels_of(line, scale, _COLUMN)]


def _bands(edges: list[float], tops: list[int]) -> list[Band]:
    return bands_between(edges, [0] * len(tops), tops)


def _free_between(edges: list[float], free: list[Level], top: list[int], capacity: list[int]) -> list[int]:
    """What is free; where that is not known, all that is left: nothing is hatched that nobody measured."""
    known = {index for level in free for index, begin in enumerate(edges[:-1]) if level.begin <= begin < level.end}
    measured = sizes_between(edges, free)
    return [
        measured[index] if index in known else max(0, whole - high)
        for index, (high, whole) in enumerate(zip(top, capacity, strict=True))
    ]


def _unexplained(band: Band, sizes: SizeScale) -> Node:
    top = sizes.place(band.high)
    return rectangle(band.begin, band.end, top, sizes.place(band.low) - top, {"fill": UNEXPLAINED})


def _unwatched(chart: Chart, scale: TimeScale) -> Iterator[Node]:
    for span in chart.unwatched:
        begin, end = scale.place(span.since), scale.place(span.until)
        yield rectangle(begin, end, 0, HEIGHT, {"fill": GROUND, "class": "ground"})
        yield element("g")[
            element("title")[span.words],
            rectangle(begin, end, 0, HEIGHT, {"fill": UNWATCHED, "stroke": AXIS["stroke"], "class": "edge"}),
        ]
