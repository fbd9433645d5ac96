"""Events and findings that are marked on a chart. Each is a link, and differs from the others by its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from htpy import Node

from nilometer.report.chart.frame import BESIDE_SIZES, at
from nilometer.report.chart.looks import BAD, GROUND, INK, WARNING, Attributes, element, text
from nilometer.report.chart.scales import SizeScale, TimeScale
from nilometer.report.series import Chart, ChartMark, MarkKind

_SHAPES: Final[Mapping[MarkKind, tuple[str, Attributes, Attributes]]] = {
    "short": (
        "M0-9L9 0L0 9L-9 0Z",
        {"fill": WARNING, "stroke": GROUND, "stroke-width": "2", "class": "m-short"},
        {"fill": WARNING, "class": "warn"},
    ),
    "unknown": (
        "M0-8L8 0L0 8L-8 0Z",
        {"fill": GROUND, "stroke": WARNING, "stroke-width": "2", "class": "m-unknown"},
        {"fill": WARNING, "class": "warn"},
    ),
    "violated": (
        "M-7-7H7V7H-7Z",
        {"fill": BAD, "stroke": GROUND, "stroke-width": "2", "class": "m-violated"},
        {"fill": BAD, "class": "bad"},
    ),
    "session": (
        "M-5-9L5-5L-5-1V9",
        {"fill": "none", "stroke": INK, "stroke-width": "1.5", "class": "inkline"},
        {"fill": INK, "class": "ink"},
    ),
    "asked": (
        "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z",
        {"fill": GROUND, "stroke": INK, "stroke-width": "2", "class": "hollow"},
        {"fill": INK, "class": "ink"},
    ),
}


def draw_marks(chart: Chart, scale: TimeScale, sizes: SizeScale, *, on_top: bool = False) -> Iterator[Node]:
    """Events and findings on the chart: each a link, with its words where there is room for them."""
    labelled: list[float] = []  # places
    places = [(scale.place(mark.time), mark) for mark in chart.marks]
    for place, mark in sorted(places, key=lambda pair: (_importance(pair[1]), pair[0])):
        distance = min((abs(place - other) for other in labelled), default=100.0)
        length = len(mark.label)
        words = mark.label if distance >= 2 + 0.8 * length else None
        if words is not None:
            labelled.append(place)
        height = sizes.place(mark.size) if mark.size is not None else sizes.height - 12
        yield _mark(
            mark, place, height, words, crowded=distance < 2 + 3 * length or place < BESIDE_SIZES, on_top=on_top
        )


def _importance(mark: ChartMark) -> int:
    return ("violated", "short", "unknown", "session", "asked").index(mark.kind)


def _mark(mark: ChartMark, place: float, height: float, words: str | None, *, crowded: bool, on_top: bool) -> Node:
    shape, look, label = _SHAPES[mark.kind]
    towards_start = place > 88
    beside = {"x": "-10" if towards_start else "10", "y": "-9", "text-anchor": "end" if towards_start else "start"}
    above = {"x": "0", "y": "-13", "text-anchor": "middle"}
    return element("a", {"href": mark.href, "class": "mark"})[
        element("title")[mark.title],
        at(place, height)[
            element("path", {"d": shape}, look),
            words is not None
            and text(
                {**(above if on_top else beside), "font-weight": "600", **label},
                words,
                halo=True,
                style="wide" if crowded else "",
            ),
        ],
    ]
