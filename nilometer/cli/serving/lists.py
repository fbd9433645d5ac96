"""Pages that only the live report has: the list of all VMs, and two moments that the address names."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import htpy
from htpy import Node

from domain.identifiers import UtcTime
from domain.state import Power
from nilometer.report.building.context import Context, bare, unit_of
from nilometer.report.building.hosts import power_of
from nilometer.report.building.report import compared_moments, compared_subjects
from nilometer.report.chart.comparison import draw_comparison
from nilometer.report.collected import Collected
from nilometer.report.pages.parts import heads, link, scrolled
from nilometer.report.series import ComparedMoment
from projections.view import View, VmRow

MOST_COMPARED: Final = 60
"""Of so many VMs a page has what the script needs to compare other moments."""
MOST_LISTED: Final = 2000

# All VMs


def list_vms(context: Context, now: View) -> Node:
    """All VMs, with a filter."""
    rows = sorted(now.vms, key=lambda row: (row.host or "", row.name, row.vm))
    unit = unit_of([size for row in rows for size in (row.assigned, row.visible)])
    columns = [("VM", ""), ("Host", ""), ("Power", ""), *((words, "figure") for words in _FIGURES), ("Last update", "")]
    listed = rows[:MOST_LISTED]

    def show(row: VmRow) -> Node:
        reference = context.vm(row.vm)
        host = None if row.host is None else context.host(row.host)
        sizes = [row.assigned, row.visible, row.high_watermark, row.in_use]
        return htpy.tr(data_words=f"{reference.words} {row.vm} {row.host or ''} {power_of(row)}")[
            htpy.th(scope="row")[link(reference)],
            htpy.td["unknown" if host is None else link(host)],
            htpy.td[power_of(row)],
            (htpy.td(class_="figure")["" if row.power is Power.OFF else bare(size, unit)] for size in sizes),
            htpy.td(class_="time")[context.clock.clock(UtcTime(row.as_of), exact=False)],
        ]

    if not rows:
        return htpy.p(class_="muted")["There is no VM, as far as is recorded."]
    return [
        htpy.p(class_="filters", data_filters="vms", hidden=True)[
            htpy.label["Filter ", htpy.input(type="search", autocomplete="off")],
            htpy.span(class_="muted", data_count=True),
        ],
        scrolled("VMs", htpy.table(id="vms")[heads(*columns), htpy.tbody[map(show, listed)]]),
        htpy.p(class_="muted")[
            f"All sizes in {unit.name}.",
            len(rows) > len(listed) and f" Showing {len(listed)} of {len(rows)} VMs; nilo view has all.",
        ],
    ]


_FIGURES: Final = ("Assigned", "Guest visible", "High watermark", "In use")


# Two moments


def compare(context: Context, query: Mapping[str, str]) -> Node:
    """What changed between two positions: ``a`` and ``b``; by default from the first moment to the last."""
    collected: Collected = context.collected
    vms = sorted(collected.vms.values(), key=lambda vm: vm.last, reverse=True)[:MOST_COMPARED]
    moments = compared_moments(context, vms)
    if not moments:
        return htpy.p(class_="muted")["There is nothing to compare: no figure is recorded."]
    defaults = (("a", 0), ("b", len(moments) - 1))
    a, b = (_pinned(collected, moments, query.get(name), default) for name, default in defaults)
    left_out = len(collected.vms) - len(vms)
    return [
        htpy.section(id="compare")[draw_comparison(list(compared_subjects(context, vms)), moments, a, b)],
        left_out > 0
        and htpy.p(class_="notice")[f"{left_out} VMs that changed longer ago are left out: nilo diff compares all."],
    ]


def _pinned(collected: Collected, moments: Sequence[ComparedMoment], given: str | None, default: int) -> int:
    """The place of the moment of the event at a position, or, if it is not kept, of the last position before it."""
    if given is None or not given.isascii() or not given.isdecimal() or len(given) > 15:
        return default
    position = int(given)
    time = _time_of(collected, position)
    if time is not None:
        return max(0, bisect_right([moment.time for moment in moments], time) - 1)
    return max((index for index, moment in enumerate(moments) if moment.position <= position), default=0)


def _time_of(collected: Collected, position: int) -> UtcTime | None:
    """When the event at a position happened, if it is kept."""
    for history in (*collected.vms.values(), *collected.hosts.values()):
        for row in history.listed():
            if row.envelope.position == position:
                return row.envelope.metadata.happened
    return None
