"""A host: what its VMs hold of it over time, its equation, and its book."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

import htpy
from htpy import Node, Renderable

from nilometer.report.chart.figure import draw_figure
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
        htpy.div(class_="equation")[
            htpy.p(class_="when")["At ", htpy.b[page.at]],
            htpy.p(class_="sentence")[page.sentence],
            [htpy.p(class_="muted note")[note] for note in page.notes],
        ],
        bool(page.short) and [htpy.h3["Short for lack of host memory"], htpy.ul[_short(page)]],
        htpy.h3[f"The host’s book at {page.at}"],
        _book(page),
        bool(page.table.rows)
        and htpy.details[
            htpy.summary[f"Every event of the host ({len(page.table.rows) + page.table.left_out})"],
            event_table(f"Events of host {page.name}", page.table),
        ],
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
                htpy.td(class_="figure")[htpy.b[held]],
                htpy.td(class_="muted", colspan="3")[rest],
            ]
        ],
    ]  # fmt: skip
    return [scrolled(f"Book of {page.name}", table), htpy.p(class_="muted")[f"All sizes in {page.unit}."]]


def _row(row: BookRow) -> Renderable:
    return htpy.tr[
        htpy.th(scope="row")[link(row.vm)],
        htpy.td[row.power],
        htpy.td(class_="figure")[htpy.b[row.held]],
        htpy.td(class_="figure")[row.visible],
        htpy.td(class_="figure")[row.in_use],
        htpy.td(class_="time")[row.updated],
    ]
