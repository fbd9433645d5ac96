"""A VM: its chart, the equation of the moment, its requests, its events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

import htpy
from htpy import Node, Renderable

from nilometer.report.chart.figure import draw_figure, draw_requests
from nilometer.report.chart.request import request_legend
from nilometer.report.data import Notice, VmPage
from nilometer.report.pages.parts import event_table, facts, link, state
from nilometer.report.series import Chart, RequestSpan


def show_vm(page: VmPage, zone: tzinfo) -> Renderable:
    """The section of a VM."""
    return htpy.section(id=page.anchor, class_="vm")[
        htpy.h2["VM ", htpy.bdi[page.heading]],
        facts(page.facts),
        htpy.p(class_="muted")[page.empty] if page.chart is None else draw_figure(page.chart, zone),
        page.thinned and htpy.p(class_="muted")[page.thinned],
        page.chart is not None and _requests(page, page.chart),
        [_notice(notice) for notice in page.notices],
        htpy.h3["Every event" if not page.table.left_out else "The newest events, and those that something leads to"],
        event_table(f"Events of {page.heading}", page.table),
    ]


def _requests(page: VmPage, chart: Chart) -> Node:
    if not chart.requests:
        return [htpy.h3["Requests"], htpy.p(class_="muted")["Nobody asked for memory, as far as is recorded."]]
    left_out = f"{page.requests_left_out} earlier requests are left out here."
    return [
        htpy.h3["Requests"],
        request_legend(),
        htpy.ol(class_="lanes")[(_request(span, lane) for span, lane in draw_requests(chart))],
        page.requests_left_out > 0 and htpy.p(class_="muted")[left_out],
    ]


def _request(span: RequestSpan, lane: Renderable) -> Renderable:
    return htpy.li[htpy.p[_words(span)], lane]


def _words(span: RequestSpan) -> Iterator[Node]:
    yield htpy.a(class_="position", href=f"#e{span.position}")[f"#{span.position}"]
    yield " "
    yield htpy.b[span.title]
    yield " "
    yield htpy.span(class_="muted")[f"asked {span.clock} by {span.who}"]
    yield htpy.br
    yield state(span.state)
    yield f" {span.says}"


def _notice(notice: Notice) -> Renderable:
    return htpy.p(class_="notice")[
        htpy.b["Not checked: ", link(notice.rule), "."], f" {notice.message} ", link(notice.finding)
    ]
