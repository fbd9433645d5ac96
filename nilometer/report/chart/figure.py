"""A chart with what belongs to it: its caption, both scales, the slider, the equation of the moment, and its data.

Without a script the slider is hidden and the chosen moment is shown. Without a style the second scale is hidden.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Final

import htpy
from htpy import Node, Renderable
from markupsafe import Markup

from nilometer.report.chart.lines import draw_lines
from nilometer.report.chart.looks import key
from nilometer.report.chart.request import draw_request
from nilometer.report.chart.scales import ScaleKind, time_scale
from nilometer.report.chart.stack import draw_stack
from nilometer.report.series import Chart, ChartMoment, HostMoment, RequestSpan

_DRAWINGS: Final[Mapping[str, Callable[[Chart, ScaleKind, tzinfo], Renderable]]] = {
    "lines": draw_lines,
    "stack": draw_stack,
}


def draw_figure(chart: Chart, zone: tzinfo = UTC, *, note: str = "each figure holds until the next") -> Renderable:
    """A chart, its scales and its moments. What the script does with it is said in ``report.js``."""
    by_time, by_event = (_DRAWINGS[chart.kind](chart, kind, zone) for kind in ("time", "event"))
    return htpy.figure(class_="picture", data_name=chart.name, data_chosen=str(chart.chosen))[
        htpy.figcaption[chart.title, " ", htpy.span(class_="muted")[f"· {chart.unit}, {note}"]],
        _scale_choice(chart),
        htpy.div(class_="bytime")[by_time],
        htpy.div(class_="byevent", hidden=True)[by_event],
        [_bar(chart), _equation(chart.moments[chart.chosen]), _moments(chart)] if chart.moments else None,
    ]


def draw_requests(chart: Chart) -> Iterator[tuple[RequestSpan, Renderable]]:
    """The requests of a chart, each with its drawing along the scale by time."""
    scale = time_scale(chart, "time")
    chosen = scale.place(chart.moments[chart.chosen].time) if chart.moments else None
    for span in chart.requests:
        yield span, draw_request(span, scale, chosen)


def _scale_choice(chart: Chart) -> Node:
    group = f"scale-{chart.name}"
    return [
        (
            htpy.input(class_=f"scale {name}", type="radio", name=group, id=f"{group}-{name}", checked=checked),
            htpy.label(for_=f"{group}-{name}")[words],
        )
        for name, words, checked in (("even", "Time", True), ("columns", "One column an event", False))
    ]


def _bar(chart: Chart) -> Node:
    last = str(len(chart.moments) - 1)
    return htpy.div(class_="bar", hidden=True)[
        htpy.button(type="button", data_step="-1", aria_label="Earlier moment")["◀"],
        htpy.button(type="button", data_step="1", aria_label="Later moment")["▶"],
        htpy.input(type="range", min="0", max=last, value=str(chart.chosen), aria_label=f"Moment: {chart.title}"),
        htpy.button(type="button", data_pin="a", aria_pressed="false")["Pin A"],
        htpy.button(type="button", data_pin="b", aria_pressed="false")["Pin B"],
        htpy.a(class_="compare", href="#compare", hidden=True)["Compare A and B"],
    ]


def _equation(moment: ChartMoment | HostMoment) -> Node:
    """That of a host stands on its page, which has one also where there is no chart."""
    if isinstance(moment, HostMoment):
        return None

    def slot(name: str, words: str) -> Node:
        return htpy.b(data_slot=name)[words]

    def term(label: Node, value: Node) -> Node:
        return htpy.span(class_="term")[htpy.span(class_="label")[label], " ", value]

    return htpy.div(class_="equation")[
        htpy.p(class_="when")[
            "At ", slot("clock", moment.clock), " ", htpy.span(class_="muted")["·"], " ",
            htpy.a(href=f"#e{moment.position}", data_slot="position")[f"#{moment.position}"], " ",
            htpy.span(data_slot="says")[moment.says],
        ],
        htpy.div(class_="terms")[
            htpy.p[
                term([key("visible"), " guest visible"], slot("visible", moment.visible)), " ",
                htpy.span(class_="sign")["="], " ",
                term([key("assigned"), " assigned"], slot("assigned", moment.assigned)), " ",
                htpy.span(class_="sign")["+"], " ",
                term("ballooned", slot("ballooned", moment.ballooned)),
            ],
            htpy.p(class_="apart")[
                term([key("in_use"), " in use"], slot("in_use", moment.in_use)), " ",
                term([key("high_watermark"), " high watermark"], slot("high_watermark", moment.high_watermark)),
            ],
        ],
        htpy.p(class_="muted note", data_slot="note")[moment.note],
    ]  # fmt: skip


SLOTS: Final = (
    "clock", "visible", "assigned", "ballooned", "in_use", "high_watermark", "note", "says", "position",
)  # fmt: skip
"""What the script knows of a VM's moment, in this order, after its places in the two scales."""

HOST_SLOTS: Final = ("clock", "sentence", "note", "says", "together", "rest", "position")
"""The same of a host's moment."""


def _moments(chart: Chart) -> Renderable:
    by_time, by_event = (time_scale(chart, kind) for kind in ("time", "event"))
    slots = HOST_SLOTS if isinstance(chart.moments[0], HostMoment) else SLOTS
    rows = [
        [
            round(by_time.place(moment.time), 2),
            round(by_event.place(moment.time), 2),
            *(getattr(moment, name) for name in slots),
        ]
        for moment in chart.moments
    ]
    return htpy.script(type="application/json", class_="moments", data_slots=" ".join(slots))[json_data(rows)]


def json_data(value: object) -> Markup:
    """Data that lies in a page: no text in it ends its element."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))
