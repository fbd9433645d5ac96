"""Pages around charts, with the report's own style and script, for tests that look at charts alone."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import htpy
from htpy import Node
from markupsafe import Markup

from nilometer.report.chart.figure import draw_figure, draw_requests
from nilometer.report.chart.looks import patterns
from nilometer.report.chart.request import request_legend
from nilometer.report.series import Chart

ASSETS: Final = files("nilometer.report") / "assets"
STYLE: Final = (ASSETS / "report.css").read_text("utf-8")
SCRIPT: Final = (ASSETS / "report.js").read_text("utf-8")


def page(*charts: Chart, style: bool = True, script: bool = True, more: Node = None) -> str:
    """A page with a section for each chart, and more below them."""
    return str(
        htpy.html(lang="en")[
            htpy.head[
                htpy.meta(charset="utf-8"),
                htpy.meta(name="viewport", content="width=device-width, initial-scale=1"),
                htpy.title["Charts"],
                htpy.style[Markup(STYLE)] if style else None,
            ],
            htpy.body[
                patterns(),
                htpy.main[
                    htpy.h1["Charts"], [_section(chart) for chart in charts], more, htpy.p(class_="live", role="status")
                ],
                htpy.script[Markup(SCRIPT)] if script else None,
            ],
        ]
    )


def _section(chart: Chart) -> Node:
    return htpy.section(id=chart.name)[
        draw_figure(chart),
        [
            htpy.h2["Requests"],
            request_legend(),
            htpy.ol(class_="lanes")[
                (htpy.li[htpy.p[span.who, " ", span.says], lane] for span, lane in draw_requests(chart))
            ],
        ]
        if chart.requests
        else None,
        htpy.h2["Every event"],
        htpy.table[
            htpy.tbody[
                (
                    htpy.tr(id=f"e{moment.position}")[htpy.th(scope="row")[f"#{moment.position}"], htpy.td[moment.says]]
                    for moment in chart.moments
                )
            ]
        ],
    ]
