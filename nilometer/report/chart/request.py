"""A request on an axis of its own below the chart: asked, what moved, and how it was settled, again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import htpy
from htpy import Element, Node, Renderable

from nilometer.report.chart.frame import PLOT, at
from nilometer.report.chart.looks import (
    ASSIGNED,
    GRID,
    GROUND,
    INK,
    INK_LINE,
    MUTED,
    WARNING,
    element,
    percent,
)
from nilometer.report.chart.scales import TimeScale
from nilometer.report.series import RequestEnd, RequestSpan, RequestState

_HEIGHT: Final = 18
_MIDDLE: Final = 9
_APART: Final = 1.2
"""How far a sign stands from where the request was asked, if it stands at the same time, in percent."""


def _shape(name: str, **attributes: str) -> Element:
    return element(name, {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()})


_HOLLOW: Final = _shape("circle", r="5", fill=GROUND, stroke=WARNING, stroke_width="2", class_="warnhollow")
_SIGNS: Final[Mapping[str, tuple[Element, ...]]] = {
    "asked": (_shape("circle", r="4", fill=GROUND, stroke=INK, stroke_width="2", class_="hollow"),),
    "moved": (_shape("line", y1="-7", y2="7", stroke=ASSIGNED, stroke_width="3", class_="s-assigned"),),
    "short": (_HOLLOW, _shape("path", d="M0-5A5 5 0 0 0 0 5Z", fill=WARNING, class_="warn")),
    "nothing": (_HOLLOW,),
    "full": (_shape("circle", r="5", fill=INK, class_="ink"),),
    "refused": (_shape("path", d="M-5-5L5 5M-5 5L5-5", stroke=WARNING, stroke_width="2.5", class_="warnline"),),
    "open": (_shape("path", d="M-2-5L4 0L-2 5", fill="none", stroke=INK, stroke_width="2", class_="inkline"),),
}
_WORDS: Final[Mapping[str, str]] = {
    "asked": "asked",
    "moved": "memory moved",
    "short": "settled short",
    "nothing": "settled with nothing",
    "full": "settled in full",
    "refused": "refused",
    "open": "still open",
}


def draw_request(span: RequestSpan, scale: TimeScale, chosen: float | None = None) -> Renderable:
    """Draws a request along the scale of its chart. What it shows also stands in words beside it."""
    return element(
        "svg", {"class": "lane", "width": PLOT, "height": str(_HEIGHT), "aria-hidden": "true", "overflow": "visible"}
    )[_parts(span, scale), _cursor(chosen)]


def _parts(span: RequestSpan, scale: TimeScale) -> Iterator[Node]:
    asked = scale.place(span.asked)
    closed = scale.end if span.closed is None else scale.place(span.closed)
    middle = str(_MIDDLE)
    yield element("line", {"x1": "0", "x2": "100%", "y1": middle, "y2": middle}, GRID)
    yield element(
        "line",
        {"x1": percent(asked), "x2": percent(closed), "y1": middle, "y2": middle, "stroke-width": "2"},
        INK_LINE,
        {"stroke-dasharray": "4 3"} if span.closed is None else {},
    )
    for move in span.moves:
        yield at(scale.place(move.time), _MIDDLE, *_SIGNS["moved"])
    yield at(asked, _MIDDLE, *_SIGNS["asked"])
    for end in span.ends:
        yield at(max(scale.place(end.time), asked + _APART), _MIDDLE, *_SIGNS[_sign(end)])
    if span.closed is None:
        yield at(closed, _MIDDLE, *_SIGNS["open"])


def _sign(end: RequestEnd) -> str:
    signs: dict[RequestState, str] = {"completed": "full", "partial": "short", "rejected": "refused", "open": "open"}
    if end.state == "failed":
        return "short" if end.granted else "refused" if end.granted is None else "nothing"
    return signs[end.state]


def _cursor(chosen: float | None) -> Node:
    x = percent(chosen or 0)
    return element(
        "line",
        {"x1": x, "x2": x, "y1": "0", "y2": str(_HEIGHT), "stroke": MUTED, "stroke-dasharray": "1 3"},
        {"class": "cursor"},
        {"display": "none"} if chosen is None else {},
    )


def request_legend() -> Renderable:
    """What the signs of requests mean: once for all of them."""
    return htpy.p(class_="muted signs")[
        (
            htpy.span[htpy.svg(width="14", height="14", viewBox="-7 -7 14 14", aria_hidden="true")[sign], " ", words]
            for name, words in _WORDS.items()
            for sign in [_SIGNS[name]]
        )
    ]
