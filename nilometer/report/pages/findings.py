"""Findings and rules: what the judge says, and what it judges by."""

from __future__ import annotations

from collections.abc import Sequence

import htpy
from htpy import Node, Renderable

from nilometer.report.data import FindingItem, Refutation, ReportPages, RuleRow, RulesPage
from nilometer.report.pages.parts import heads, link, scrolled, state
from nilometer.report.pages.states import show_states


def show_findings(report: ReportPages) -> Renderable:
    """The section of the findings."""
    large = [item for item in report.findings if item.verdict == "violated" or item.states]
    small = [item for item in report.findings if item not in large]
    return htpy.section(id="findings")[
        htpy.h2["Findings"],
        not report.findings and htpy.p(class_="muted")[_no_findings(report)],
        [_article(item) for item in large],
        bool(small) and [htpy.h3["All other findings" if large else "All findings"], _table(small)],
        report.findings_left_out > 0
        and htpy.p(class_="muted")[
            f"{report.findings_left_out} more findings are not kept here: nilo audit --all lists them."
        ],
    ]


def _no_findings(report: ReportPages) -> str:
    if report.verdict.word == "not judged":
        return "This history was not judged."
    return "There is none."


def _article(item: FindingItem) -> Renderable:
    more = f" and {item.count - 1} more events" if item.count > 1 else ""
    return htpy.article(id=item.anchor, class_="finding")[
        htpy.h3[
            state(item.verdict), " ", link(item.rule), " ",
            htpy.small[link(item.subject), item.event is not None and [", at ", link(item.event)], more],
        ],
        htpy.p[htpy.b[item.message[:1].upper() + item.message[1:]], "."],
        bool(item.let) and _pairs(item.let),
        item.then and htpy.p[f"Then {item.then}."],
        bool(item.states) and [htpy.p["Both are possible with what was measured:"], show_states(item.states)],
        item.collect and htpy.p[f"To decide it, collect {item.collect}."],
        item.follows is not None and htpy.p(class_="muted")["It follows from ", link(item.follows), "."],
    ]  # fmt: skip


def _pairs(pairs: Sequence[tuple[str, str]]) -> Renderable:
    return htpy.dl(class_="pairs")[(htpy.div[htpy.dt[path], htpy.dd[value]] for path, value in pairs)]


def _table(items: Sequence[FindingItem]) -> Renderable:
    table = htpy.table[
        heads(("No.", ""), ("Verdict", ""), ("Rule", ""), ("Event", ""), ("Subject", ""), ("Why", "")),
        htpy.tbody[(_row(item) for item in items)],
    ]
    return scrolled("Findings", table)


def _row(item: FindingItem) -> Renderable:
    more = f" and {item.count - 1} more" if item.count > 1 else ""
    return htpy.tr(id=item.anchor)[
        htpy.th(scope="row")[item.anchor[1:]],
        htpy.td[state(item.verdict)],
        htpy.td[link(item.rule)],
        htpy.td[item.event is not None and link(item.event), htpy.span(class_="muted")[more]],
        htpy.td[link(item.subject)],
        htpy.td(class_="why")[
            item.message,
            item.follows is not None and htpy.span(class_="muted")[" It follows from ", link(item.follows), "."],
        ],
    ]


# Rules


def show_rules(page: RulesPage) -> Renderable:
    """The section of the rules."""
    return htpy.section(id="rules")[
        htpy.h2["Rules"],
        htpy.p(class_="facts")[page.summary],
        bool(page.refuted) and [htpy.h3["Refuted"], [_refutation(refutation) for refutation in page.refuted]],
        [[htpy.h3[title], _rules(title, rows)] for title, rows in page.groups],
    ]


def _refutation(refutation: Refutation) -> Renderable:
    return htpy.article(class_="finding")[
        htpy.h4[state("violated"), " ", link(refutation.rule), " ", htpy.small[refutation.obligation]],
        htpy.p[refutation.says],
        show_states(refutation.states),
    ]


def _rules(title: str, rows: Sequence[RuleRow]) -> Renderable:
    table = htpy.table(class_="rules")[
        heads(("Rule", ""), ("What it requires", ""), ("For every history", ""), ("In this history", "")),
        htpy.tbody[(_rule(row) for row in rows)],
    ]
    return scrolled(title, table)


_HERE = {"fine": None, "warn": "warn-text", "bad": "bad-text", "muted": "muted"}


def _rule(row: RuleRow) -> Renderable:
    return htpy.tr(id=f"r-{row.name}")[
        htpy.th(scope="row")[htpy.code[_breakable(row.name)]],
        htpy.td[
            row.sentence, row.source and htpy.details[htpy.summary["As the prover reads it"], htpy.pre[row.source]]
        ],
        htpy.td[_proof(row)],
        htpy.td[_here(row)],
    ]


def _breakable(name: str) -> list[Node]:
    """A name that may break after its underscores."""
    words = name.split("_")
    return [[f"{word}_", htpy.wbr] if index < len(words) - 1 else word for index, word in enumerate(words)]


def _proof(row: RuleRow) -> Node:
    if row.proved_is == "proved":
        return [htpy.span(class_="ok-text")["✓ proved"], htpy.br, htpy.span(class_="muted")[row.proved]]
    if row.proved_is == "refuted":
        return [htpy.b(class_="bad-text")["✕ not proved"], htpy.br, row.proved]
    return htpy.span(class_="muted")[row.proved]


def _here(row: RuleRow) -> list[Node]:
    found: list[Node] = []
    for index, (words, kind) in enumerate(row.here):
        found += [", "] if index else []
        found.append(htpy.span(class_=_HERE[kind])[words])
    return found
