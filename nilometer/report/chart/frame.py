"""What charts have in common: the plot, its grid, its axis, and stretches of time.

The drawing has no box of its own to be scaled: places are percentages, so texts keep their size on every width. Only
lines lie in a box that is stretched, and their strokes are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Final

from htpy import Element, Node, Renderable

from nilometer.messages.sizes import format_rounded
from nilometer.report.chart.looks import (
    AXIS,
    BAND,
    DOTTED,
    FONT,
    GRID,
    GROUND,
    INK,
    MUTED,
    UNWATCHED,
    Attributes,
    element,
    number,
    percent,
    text,
)
from nilometer.report.chart.scales import AT_END, AT_START, SizeScale, Tick, TimeScale, ticks
from nilometer.report.series import Chart, TimeSpan
from rules.wording import UNITS, UNKNOWN, Unit, format_in

PLOT: Final = "82%"
"""The width of the plot; right of it stand the labels of lines."""
HEIGHT: Final = 300
AXIS_HEIGHT: Final = 28
DATES_HEIGHT: Final = 44
_ROOM_FOR_WORDS: Final = 13.0
_MARK_ROOM: Final = 11.0
"""So far from a mark its words reach."""
BESIDE_SIZES: Final = 32.0
"""Left of this place words stand over the labels of sizes on a narrow page, also in a wide font such as DejaVu Sans."""


def size_words(size: int | None, chart: Chart) -> str:
    """A size in the unit of the chart, with the unit; one that would be nothing in it, in its own."""
    unit = next(unit for unit in UNITS if unit.name == chart.unit)
    if size is None:
        return UNKNOWN
    if size and abs(size) * 200 < 1 << unit.power:
        return format_rounded(size).replace(" ", "\N{NO-BREAK SPACE}")
    return f"{sized(size, unit)}\N{NO-BREAK SPACE}{unit.name}"


def sized(size: int, unit: Unit) -> str:
    """A size in a unit, without it, and with a narrow space in figures of five digits and more."""
    figure = format_in(size, unit).partition(" ")[0]
    whole, point, rest = figure.partition(".")
    digits = whole.lstrip("~-")
    if len(digits) > 4:
        whole = whole.replace(digits, f"{int(digits):,}".replace(",", "\N{NARROW NO-BREAK SPACE}"))
    return f"{whole}{point}{rest}"


# The drawing


def drawing(chart: Chart, height: int, *children: Node) -> Renderable:
    """The whole picture: it is as wide as the plot, and the labels of its lines stand beside it."""
    return element(
        "svg",
        {"class": "chart", "width": PLOT, "height": str(height), "role": "group", "aria-label": chart.description},
        {"font-family": FONT, "font-size": "12", "fill": MUTED, "overflow": "visible"},
    )[children]


def stretched(height: int, *children: Node) -> Element:
    """The box in which lines lie: 1000 wide, and as wide as the plot."""
    return element(
        "svg",
        {"viewBox": f"0 0 1000 {height}", "preserveAspectRatio": "none", "width": "100%"},
        {"height": str(height), "overflow": "visible"},
    )[children]


def stroked(path: str, look: Attributes) -> Element:
    """A line in the box that is stretched."""
    return element(
        "path", {"d": path, "fill": "none", "vector-effect": "non-scaling-stroke", "stroke-linejoin": "round"}, look
    )


def at(place: float, height: float, *children: Node) -> Element:
    """Something that keeps its shape, at a place of the plot."""
    return element("svg", {"x": percent(place), "y": number(height), "overflow": "visible"})[children]


def plot_height(chart: Chart, scale: TimeScale, zone: tzinfo = UTC) -> int:
    """The height of a picture with its axis: more where dates stand below the times."""
    return HEIGHT + (DATES_HEIGHT if any(tick.date for tick in ticks(scale, zone)) else AXIS_HEIGHT)


# Grid and axis


def grid(chart: Chart, sizes: SizeScale) -> Iterator[Node]:
    """Lines at round sizes, with their labels left of the first moment."""
    for size in sizes.grid():
        height = sizes.place(size)
        yield element("line", {"x1": "0", "x2": "100%", "y1": number(height), "y2": number(height)}, GRID)
        yield text({"x": "0", "y": number(height - 4)}, size_words(size, chart), halo=True)


def time_axis(scale: TimeScale, height: int, zone: tzinfo = UTC) -> Iterator[Node]:
    """The axis below the plot, with times, and dates where there are several."""
    yield element("line", {"x1": "0", "x2": "100%", "y1": str(height), "y2": str(height)}, AXIS)
    for tick in ticks(scale, zone):
        place = percent(tick.place)
        yield element("line", {"x1": place, "x2": place, "y1": str(height), "y2": str(height + 5)}, AXIS)
        yield _tick_words(tick, height)


def _tick_words(tick: Tick, height: int) -> Iterator[Node]:
    anchor = "start" if tick.place < AT_START else "end" if tick.place > AT_END else "middle"
    style = "minor" if tick.is_minor else ""
    place = {"x": percent(tick.place), "text-anchor": anchor}
    yield text({**place, "y": str(height + 19)}, tick.words, style=style)
    if tick.date:
        yield text({**place, "y": str(height + 35), "font-weight": "600"}, tick.date, style=style)


# Levels of time


def idle_bands(chart: Chart, scale: TimeScale, height: int) -> Iterator[Node]:
    """The stretches that are narrowed: bands, with their lengths upright in them."""
    if scale.kind == "event":
        return
    for span in chart.idle:
        begin, end = scale.place(span.since), scale.place(span.until)
        yield rectangle(begin, end, 0, height, BAND)


def idle_words(chart: Chart, scale: TimeScale, sizes: SizeScale) -> Iterator[Node]:
    """The edges of what is narrowed, and how long it was, above the lines and beside the marks."""
    height = sizes.height
    marked = [
        (scale.place(mark.time), sizes.height - 12 if mark.size is None else sizes.place(mark.size))
        for mark in chart.marks
    ]
    if scale.kind == "event":
        return
    for span in chart.idle:
        begin, end = scale.place(span.since), scale.place(span.until)
        for edge in (begin, end):
            yield element("line", {"x1": percent(edge), "x2": percent(edge), "y1": "0", "y2": str(height)}, DOTTED)
        middle = (begin + end) / 2
        near = [top for place, top in marked if begin - _MARK_ROOM < place < end + _MARK_ROOM]
        yield upright(span.words, middle, _free_place(near, height), style="wide" if middle < BESIDE_SIZES else "")


def _free_place(taken: Sequence[float], height: int) -> float:
    """A place for upright words that is far from those that are taken."""
    places = [height * share for share in (0.42, 0.62, 0.75, 0.25)]
    return next((place for place in places if all(abs(place - other) > 50 for other in taken)), places[0])


def unwatched_bands(chart: Chart, scale: TimeScale, height: int) -> Iterator[Node]:
    """The times in which nobody looked: hatched, on the ground."""
    for span in chart.unwatched:
        begin, end = scale.place(span.since), scale.place(span.until)
        yield rectangle(begin, end, 0, height, {"fill": GROUND, "class": "ground"})
        yield element("g")[
            element("title")[span.words], rectangle(begin, end, 0, height, {"fill": UNWATCHED, **_edged()})
        ]


def unwatched_words(chart: Chart, scale: TimeScale, height: int) -> Iterator[Node]:
    """What stands in a hatched time, upright where it is narrow."""
    for span in chart.unwatched:
        begin, end = scale.place(span.since), scale.place(span.until)
        if end - begin >= _ROOM_FOR_WORDS + 4:
            place = {"x": percent((begin + end) / 2), "y": number(height * 0.42), "text-anchor": "middle"}
            yield text(place, span.words, halo=True, style="wide")
        elif end - begin >= 2.5:
            yield upright(span.words, (begin + end) / 2, height * 0.42)


def unmeasured_boxes(spans: Iterable[TimeSpan], scale: TimeScale, height: int) -> Iterator[Node]:
    """The times in which a figure is not known: a dotted box at the foot, with words or ``?``."""
    for span in spans:
        begin, end = scale.place(span.since), scale.place(span.until)
        if end - begin < 0.6:
            continue
        yield element("g")[
            element("title")[span.words],
            rectangle(begin, end, height - 26, 26, {"fill": GROUND, "fill-opacity": ".75", **_edged(), "class": "box"}),
        ]
        place = {"x": percent((begin + end) / 2), "y": str(height - 9), "text-anchor": "middle"}
        if end - begin > max(_ROOM_FOR_WORDS, 0.7 * len(span.words)):
            yield text(place, span.words, halo=True, style="wide")
            yield text({**place, "display": "none"}, "?", halo=True, style="narrow")
        else:
            yield text(place, "?")


def _edged() -> Attributes:
    return {"stroke": DOTTED["stroke"], "stroke-dasharray": DOTTED["stroke-dasharray"], "class": "edge"}


def rectangle(begin: float, end: float, top: float, height: float, look: Attributes) -> Element:
    return element(
        "rect",
        {"x": percent(begin), "width": percent(max(0.0, end - begin)), "y": number(top), "height": number(height)},
        look,
    )


def upright(words: str, place: float, height: float, style: str = "") -> Node:
    """Words that stand upright."""
    look = {"transform": "rotate(-90)", "text-anchor": "middle", "y": "4"}
    return at(place, height, text(look, words, halo=True, style=style))


def cursor(place: float | None, height: int) -> Node:
    """The line at the moment that is shown: the script moves it."""
    x = percent(place or 0)
    return element(
        "line",
        {"x1": x, "x2": x, "y1": "6", "y2": str(height), "stroke": INK, "stroke-width": "1.5", "class": "cursor"},
        {"display": "none"} if place is None else {},
    )
