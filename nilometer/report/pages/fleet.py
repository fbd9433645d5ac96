"""The first page: the verdict, five numbers, the hosts, who is short, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

import htpy
from htpy import Node, Renderable

from nilometer.messages.sizes import plural
from nilometer.report.chart.strip import draw_strip, draw_strip_axis
from nilometer.report.data import (
    AskedItem,
    FindingItem,
    FleetHost,
    FleetItem,
    FleetPage,
    Reference,
    ReportPages,
    VerdictBlock,
)
from nilometer.report.pages.parts import filter_of, heads, link, links, scrolled, state


def show_verdict(verdict: VerdictBlock, *, linked: bool = True, name: str = "verdict") -> Renderable:
    """The verdict, and what it covers; not ``linked`` where the pages that it leads to are not."""
    undecided = verdict.not_decided if linked else [Reference(rule.words) for rule in verdict.not_decided]
    return htpy.section(id=name, class_=["verdict", verdict.word.replace(" ", "-")], aria_label="Verdict")[
        htpy.p(class_="verdict-word")[verdict.word.capitalize()],
        htpy.div[
            htpy.p[htpy.b[verdict.sentence], " ", verdict.more],
            htpy.dl(class_="covers")[
                _fact("Covers", verdict.covers),
                bool(verdict.not_decided) and _fact("Not decided", links(undecided)),
                _fact("Rules", htpy.a(href="#rules")[verdict.rules] if linked else verdict.rules),
            ],
            htpy.details[
                htpy.summary["Ledger, files and digests"],
                htpy.ul(class_="files")[
                    (
                        [
                            htpy.li[f"{part.name}: {part.source}, {plural(part.events, 'event')}, {part.span}"],
                            [htpy.li[file] for file in part.files],
                        ]
                        for part in verdict.histories
                    )
                ],
            ],
        ],
    ]


def _fact(name: str, value: Node) -> Node:
    return htpy.div[htpy.dt[name], htpy.dd[value]]


def show_banner(violations: Sequence[FindingItem], most: int = 5) -> Node:
    """The violations, before all else of the fleet."""
    if not violations:
        return None
    more = len(violations) - most
    return htpy.div(class_="banner")[
        [
            htpy.p[htpy.b["Violated: ", link(Reference(one.rule.words, f"#{one.anchor}"))], " ", link(one.subject),
                   f": {one.message}"]
            for one in violations[:most]
        ],
        more > 0 and htpy.p[htpy.a(href="#findings")[f"{more} more"]],
    ]  # fmt: skip


def show_fleet(report: ReportPages, zone: tzinfo) -> Renderable:
    """The section of the fleet."""
    page = report.fleet
    return htpy.section(id="fleet")[
        htpy.h2["Fleet"],
        htpy.p(class_="facts")[f"{page.facts} · as it was at ", htpy.b[page.at], f" {report.zone}"],
        show_banner(report.verdict.violations),
        show_numbers(page),
        htpy.h3["Hosts, shortest first"],
        _hosts(page, zone),
        htpy.div(class_="four")[
            _list("Short", page.short, "No VM waits for memory."),
            _list("Over", page.over, "No VM uses less than half of what it is assigned, as far as is measured."),
            _list("Changed last", page.changed, "Nothing changed."),
            _list("Not measurable, and why", page.unmeasured, "All that is shown was measured."),
        ],
        htpy.h3[page.asked_title],
        _asked(page),
    ]


def show_numbers(page: FleetPage) -> Renderable:
    """The five numbers."""
    return htpy.dl(class_="numbers")[
        (
            htpy.div(class_=number.state)[
                htpy.dt[number.label],
                htpy.dd[htpy.span(class_="figure")[number.value], number.detail and htpy.p[number.detail]],
            ]
            for number in page.numbers
        )
    ]


def _hosts(page: FleetPage, zone: tzinfo) -> Node:
    if not page.hosts:
        return htpy.p(class_="muted")["No host is recorded."]
    strips = [host.strip for host in page.hosts if host.strip is not None]
    table = htpy.table(class_="hosts")[
        heads(
            ("Host", ""), (f"{page.strips} (hatched: not explained, or not watched)", "strips"),
            ("Free", "figure"), ("State", ""), ("VMs", "figure optional"), ("Last update", "optional"),
        ),
        htpy.tbody[
            (_host(host) for host in page.hosts),
            bool(strips)
            and htpy.tr[
                htpy.td,
                htpy.td(class_="strips")[draw_strip_axis(strips[0], zone)],
                htpy.td(colspan="4"),
            ],
        ],
    ]  # fmt: skip
    return scrolled("Hosts", table)


def _host(host: FleetHost) -> Renderable:
    return htpy.tr[
        htpy.th(scope="row")[link(host.host)],
        htpy.td(class_="strips")[
            htpy.span(class_="muted")[host.empty] if host.strip is None else draw_strip(host.strip)
        ],
        htpy.td(class_="figure")[host.free],
        htpy.td[_state(host)],
        htpy.td(class_="figure optional")[str(host.vms)],
        htpy.td(class_="time optional")[host.updated],
    ]


def _state(host: FleetHost) -> Node:
    if host.state_is == "short":
        return htpy.b(class_="warn-text")[host.state]
    if host.state_is == "full":
        return htpy.b[host.state]
    return htpy.span(class_="muted")[host.state] if host.state_is == "unknown" else host.state


def _list(title: str, items: Sequence[FleetItem], empty: str) -> Renderable:
    return htpy.section[
        htpy.h3[title, " ", htpy.small[str(len(items))] if items else None],
        htpy.ul(class_="subjects")[_items(items)] if items else htpy.p(class_="muted")[empty],
    ]


def _items(items: Sequence[FleetItem]) -> Iterator[Node]:
    for item in items:
        yield htpy.li[
            htpy.span[links(item.vms)],
            htpy.p[
                item.text,
                " ",
                htpy.span(class_="muted")[item.muted],
                item.event is not None and [" ", link(item.event)],
            ],
        ]


def _asked(page: FleetPage) -> Node:
    if not page.asked:
        return htpy.p(class_="muted")["Nobody asked for memory that day, as far as is recorded."]
    known = f"{page.asked_count} requests" if page.asked_are_all else f"more than {page.asked_count} requests"
    shown = f"Showing {len(page.asked)} of {known}."
    return [filter_of("asked"), asked_table(page.asked, "asked"), htpy.p(class_="muted")[shown]]


def asked_table(items: Sequence[AskedItem], name: str) -> Renderable:
    """A table of requests; its rows can be filtered by the name."""
    table = htpy.table[
        heads(("Time", ""), ("VM", ""), ("Asked", "figure"), ("Granted", ""), ("By", ""), ("Event", "")),
        htpy.tbody(id=name)[(_request(item) for item in items)],
    ]
    return scrolled("Requests", table)


def _request(item: AskedItem) -> Renderable:
    return htpy.tr(data_words=f"{item.vm.words} {item.state} {item.says} {item.who}")[
        htpy.td(class_="time")[item.time],
        htpy.th(scope="row")[link(item.vm)],
        htpy.td(class_="figure")[item.amount],
        htpy.td(class_="says")[state(item.state), f" {item.says}"],
        htpy.td[item.who],
        htpy.td[link(item.event)],
    ]
