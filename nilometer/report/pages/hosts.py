"""A host: what its VMs hold of it over time, its equation, and its book."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

import htpy
from htpy import Node, Renderable

from nilometer.report.chart.figure import draw_figure, json_data
from nilometer.report.data import BookRow, HostPage
from nilometer.report.pages.parts import event_table, facts, heads, link, scrolled


def show_host(page: HostPage, zone: tzinfo) -> Renderable:
    """The section of a host."""
    return htpy.section(id=page.anchor, class_="host")[
        htpy.h2["Host ", htpy.bdi[page.name]],
        facts(page.facts),
        htpy.p(class_="muted")[page.empty]
        if page.chart is None
        else draw_figure(page.chart, zone, note="stacked under the host’s capacity"),
        page.thinned and htpy.p(class_="muted")[page.thinned],
        _equation(page),
        bool(page.short) and [htpy.h3["Short for lack of host memory"], htpy.ul[_short(page)]],
        htpy.h3["The host’s book at ", htpy.span(data_slot=_over_time(page, "clock"))[page.at]],
        _book(page),
        bool(page.table.rows)
        and htpy.details[
            htpy.summary[f"Every event of the host ({len(page.table.rows) + page.table.left_out})"],
            event_table(f"Events of host {page.name}", page.table),
        ],
    ]


def _over_time(page: HostPage, slot: str) -> str | None:
    """What the script puts there, if the book is known at each moment."""
    return slot if any(row.steps for row in page.book) else None


def _equation(page: HostPage) -> Node:
    chosen = page.chart.moments[page.chart.chosen] if page.chart is not None and page.chart.moments else None
    return htpy.div(class_="equation")[
        htpy.p(class_="when")[
            "At ",
            htpy.b(data_slot="clock")[page.at],
            chosen is not None
            and [
                htpy.span(class_="muted")[" · "],
                htpy.a(href=page.event.href, data_slot="position")[page.event.words],
                " ",
                htpy.span(data_slot="says")[chosen.says],
            ],
        ],
        htpy.p(class_="sentence", data_slot="sentence")[page.sentence],
        htpy.p(class_="muted note", data_slot="note")[page.note],
    ]


def _short(page: HostPage) -> Iterator[Node]:
    for event, words in page.short:
        yield htpy.li[link(event), " ", words]


def _book(page: HostPage) -> Node:
    if not page.book:
        return htpy.p(class_="muted")["No VM is on this host."]
    held, rest = page.together
    table = htpy.table[
        heads(
            ("VM", ""), ("Power", ""), ("Held", "figure"), ("Guest visible", "figure"), ("In use", "figure"),
            ("Last update", ""),
        ),
        htpy.tbody[(_row(row) for row in page.book)],
        htpy.tfoot[
            htpy.tr[
                htpy.th(scope="row")["Together"],
                htpy.td,
                htpy.td(class_="figure")[htpy.b(data_slot=_over_time(page, "together"))[held]],
                htpy.td(class_="muted", colspan="3", data_slot=_over_time(page, "rest"))[rest],
            ]
        ],
    ]  # fmt: skip
    return [
        scrolled(f"Book of {page.name}", table),
        htpy.p(class_="muted")[f"All sizes in {page.unit}."],
        _over_time(page, "book")
        and htpy.script(type="application/json", class_="book")[
            json_data([[[step.index, *step.cells] for step in row.steps] for row in page.book])
        ],
    ]


def _row(row: BookRow) -> Renderable:
    classes = (None, "figure", "figure", "figure", "time")
    return htpy.tr(hidden=not row.is_here, data_book=True if row.steps else None)[
        htpy.th(scope="row")[link(row.vm)],
        (
            htpy.td(class_=name)[htpy.b[cell] if index == 1 else cell]
            for index, (name, cell) in enumerate(zip(classes, row.cells, strict=True))
        ),
    ]
