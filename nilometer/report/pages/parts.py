"""What pages share: references, tables that can be scrolled, states, and CSV that can be kept."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import htpy
from htpy import Element, Node, Renderable

from nilometer.report.data import EventItem, EventTable, Reference


def link(reference: Reference) -> Node:
    """A word, and where it leads; names of any script keep to themselves."""
    if reference.href is None:
        return htpy.bdi[reference.words]
    return htpy.a(href=reference.href)[htpy.bdi[reference.words]]


def links(references: Sequence[Reference], between: str = ", ") -> list[Node]:
    """Several, one after another."""
    found: list[Node] = []
    for index, reference in enumerate(references):
        found += [between, link(reference)] if index else [link(reference)]
    return found


def facts(references: Sequence[Reference]) -> Renderable:
    """A line of facts."""
    return htpy.p(class_="facts")[links(references, " · ")]


def scrolled(label: str, table: Node) -> Renderable:
    """A table that may be wider than the page: it can be reached and scrolled with the keyboard."""
    return htpy.div(class_="scroll", tabindex="0", role="region", aria_label=label)[table]


def heads(*columns: tuple[str, str]) -> Element:
    """The head of a table: the words of each column, and its class."""
    return htpy.thead[htpy.tr[(htpy.th(scope="col", class_=name or None)[words] for words, name in columns)]]


def state(word: str) -> Renderable:
    """A state, as a word in a frame."""
    return htpy.span(class_=f"state {word}")[word]


def filter_of(rows: str) -> Renderable:
    """A field that filters rows by their words; the script shows it."""
    return htpy.p(class_="filters", data_filters=rows, hidden=True)[
        htpy.label["Filter ", htpy.input(type="search")], " ", htpy.span(class_="muted", data_count=True)
    ]


def csv_link(table: EventTable) -> Renderable:
    """The table as a file, which lies in the page."""
    return htpy.a(download=table.file, href=f"data:text/csv;charset=utf-8,{quote(table.csv, safe=_SAFE)}")[
        "CSV in bytes"
    ]


_SAFE = " ,:;+-._~()/'\N{RIGHTWARDS ARROW}"


def event_table(label: str, table: EventTable) -> Renderable:
    """A table of events, each with its anchor, and the figures after it."""
    width = len(table.columns)
    head = heads(("#", ""), ("Time", ""), ("Event", ""), *((column, "figure") for column in table.columns))
    left_out = f" {table.left_out} earlier events are left out here." if table.left_out else ""
    return htpy.fragment[
        scrolled(label, htpy.table(class_="events")[head, htpy.tbody[(_row(row, width) for row in table.rows)]]),
        htpy.p(class_="muted")[
            f"All sizes in {table.unit}; a changed figure is ", htpy.span(class_="changed")["bold"],
            f"; ~ is rounded.{left_out} ", csv_link(table),
        ],
    ]  # fmt: skip


def _row(row: EventItem, width: int) -> Renderable:
    return htpy.tr(id=f"e{row.position}")[
        htpy.th(scope="row")[htpy.a(href=f"#e{row.position}")[f"#{row.position}"]],
        htpy.td(class_="time")[row.time],
        htpy.td[
            row.says,
            row.who and [" ", htpy.span(class_="muted")[row.who]],
            [(" ", htpy.small[link(flag)]) for flag in row.flags],
        ],
        _cells(row, width),
    ]


def _cells(row: EventItem, width: int) -> Node:
    if not row.cells:
        return htpy.td(class_="figure muted", colspan=str(width))["same instant"]
    if len(row.cells) != width:
        return htpy.td(class_="figure muted", colspan=str(width))[row.cells[0]]
    return [
        htpy.td(class_=["figure", changed and "changed", cell == "unknown" and "muted"])[cell]
        for cell, changed in zip(row.cells, row.changed, strict=True)
    ]
