"""Two states side by side: each figure in words, sizes also as bars of one scale, what differs marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import htpy
from htpy import Node, Renderable

from nilometer.report.chart.looks import ASSIGNED, GROUND, element, percent
from nilometer.report.data import StateFigure, StatePanel
from nilometer.report.pages.parts import state


def show_states(panels: Sequence[StatePanel]) -> Renderable:
    """The panels, each with its figures."""
    shown = Counter((figure.path, figure.words) for panel in panels for figure in panel.figures)
    differing = {path for (path, _), count in shown.items() if count < len(panels)}
    most = max((figure.size or 0 for panel in panels for figure in panel.figures), default=0)
    return htpy.div(class_="two")[(_panel(panel, differing, most) for panel in panels)]


def _panel(panel: StatePanel, differing: Collection[str], most: int) -> Renderable:
    return htpy.div(class_=["panel", panel.word == "violated" and "bad"])[
        htpy.h4[state(panel.word), f" {panel.rest}"],
        htpy.dl(class_="pairs bars")[(_figure(figure, figure.path in differing, most) for figure in panel.figures)],
    ]


def _figure(figure: StateFigure, differs: bool, most: int) -> Renderable:
    return htpy.div(class_="differs" if differs else None)[
        htpy.dt[figure.path],
        htpy.dd[
            _bar(figure, most),
            " ",
            htpy.span(class_="words")[figure.words, figure.is_assumed and htpy.span(class_="muted")[" assumed"]],
        ],
    ]


def _bar(figure: StateFigure, most: int) -> Node:
    """What was assumed is hollow, what was measured is filled."""
    if figure.size is None or most <= 0:
        return None
    look = (
        {"fill": GROUND, "stroke": ASSIGNED, "stroke-dasharray": "3 2", "class": "ground s-assigned"}
        if figure.is_assumed
        else {"fill": ASSIGNED, "class": "f-assigned"}
    )
    width = percent(max(0, min(98, 98 * figure.size / most)))
    return element("svg", {"width": "100%", "height": "12", "aria-hidden": "true"})[
        element("line", {"x1": "1", "x2": "1", "y1": "0", "y2": "12", "stroke": ASSIGNED, "class": "s-assigned"}),
        figure.size > 0 and element("rect", {"x": "1", "y": "2", "width": width, "height": "8", **look}),
    ]
