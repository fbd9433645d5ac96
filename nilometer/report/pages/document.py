"""The whole document: one file, whose style and script are named by their hashes, and nothing else is loaded."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from functools import cache
from importlib.resources import files
from typing import Final

import htpy
from htpy import Node
from markupsafe import Markup

from nilometer.report.chart.comparison import draw_comparison
from nilometer.report.chart.looks import patterns
from nilometer.report.data import Digest, Reference, ReportPages
from nilometer.report.pages.digest import show_digest
from nilometer.report.pages.findings import show_findings, show_rules
from nilometer.report.pages.fleet import show_fleet, show_verdict
from nilometer.report.pages.hosts import show_host
from nilometer.report.pages.parts import link
from nilometer.report.pages.vms import show_vm


@cache
def asset(name: str) -> str:
    """The text of a file that lies beside the pages."""
    return (files("nilometer.report") / "assets" / name).read_text("utf-8")


def policy() -> str:
    """The policy that the document sets itself: nothing is loaded, and only its own style and script run."""
    style, script = _hash(asset("report.css")), _hash(asset("report.js"))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def document(reports: Sequence[ReportPages], zone: tzinfo) -> Iterator[str]:
    """The document of a history, or of several, piece by piece."""
    first = reports[0]
    body = _body(first, zone) if len(reports) == 1 else _body_of_several(reports, zone)
    yield from htpy.html(lang="en")[_head(first), htpy.body[body]].iter_chunks()


def _body_of_several(reports: Sequence[ReportPages], zone: tzinfo) -> Node:
    """Several histories, one after another: the verdict on each comes first."""
    places = [Reference(f"History {number}", f"#h{number}") for number in range(1, len(reports) + 1)]
    return [
        htpy.a(class_="skip", href="#main")["Skip to the content"],
        patterns(),
        htpy.header[htpy.p(class_="brand")["Nilometer"], _places(places)],
        htpy.main(id="main")[
            htpy.h1[f"Memory report of {len(reports)} histories"],
            [
                [
                    htpy.p(class_="facts")[link(place), " ", [part.name for part in report.verdict.histories]],
                    show_verdict(report.verdict, linked=False, name=f"verdict-h{number}"),
                ]
                for number, (place, report) in enumerate(zip(places, reports, strict=True), start=1)
            ],
            (_history(number, report, zone) for number, report in enumerate(reports, start=1)),
            htpy.p(class_="live", role="status"),
        ],
        htpy.footer[htpy.p[_made(reports[0])]],
        htpy.script[Markup(asset("report.js"))],
    ]


_ANCHOR: Final = re.compile(r'( (?:id|for|name|data-name|data-filters)="| href="#)(?=[^"])')


def _history(number: int, report: ReportPages, zone: tzinfo) -> Node:
    """One history of several: its anchors begin with its number, so that none is there twice."""
    prefix = f"h{number}-"
    section = htpy.section(id=f"h{number}", data_anchors=prefix)[
        htpy.h2[f"History {number}: {', '.join(part.name for part in report.verdict.histories)}"], _pages(report, zone)
    ]
    outer, _, inner = str(section).partition(">")
    return Markup(f"{outer}>{_ANCHOR.sub(lambda found: found[1] + prefix, inner)}")


def digest_document(report: ReportPages, digest: Digest) -> Iterator[str]:
    """The digest as a document of its own."""
    body = [
        patterns(),
        htpy.main(id="main", class_="lone")[htpy.h1[report.title], show_digest(report, digest)],
        htpy.footer[htpy.p[_made(report)]],
    ]
    yield from htpy.html(lang="en")[_head(report), htpy.body[body]].iter_chunks()


def _made(report: ReportPages) -> str:
    return f"{report.tool} · made {report.made} · times are {report.zone}"


def _head(report: ReportPages) -> Node:
    return htpy.head[
        htpy.meta(charset="utf-8"),
        htpy.meta(name="viewport", content="width=device-width, initial-scale=1"),
        htpy.meta(name="color-scheme", content="light dark"),
        htpy.meta(http_equiv="Content-Security-Policy", content=policy()),
        htpy.meta(name="generator", content=report.tool),
        htpy.title[f"{report.title} · Nilometer"],
        htpy.style[Markup(asset("report.css"))],
    ]


def _body(report: ReportPages, zone: tzinfo) -> Node:
    return [
        htpy.a(class_="skip", href="#main")["Skip to the content"],
        patterns(),
        htpy.header[htpy.p(class_="brand")["Nilometer"], _navigation(report)],
        htpy.main(id="main")[
            htpy.h1[report.title],
            [htpy.p(class_="notice")[note] for note in report.notes],
            show_verdict(report.verdict),
            _pages(report, zone),
            htpy.p(class_="live", role="status"),
        ],
        htpy.footer[htpy.p[_made(report)]],
        htpy.script[Markup(asset("report.js"))],
    ]


def _pages(report: ReportPages, zone: tzinfo) -> Node:
    return [
        show_fleet(report, zone),
        [show_host(page, zone) for page in report.hosts],
        [show_vm(page, zone) for page in report.vms],
        report.vms_left_out > 0
        and htpy.p(class_="notice")[
            f"{report.vms_left_out} more VMs have no page here: those that fell short and those that changed last have."
        ],
        _compare(report),
        show_findings(report),
        show_rules(report.rules),
    ]


def _compare(report: ReportPages) -> Node:
    if len(report.moments) < 2:
        return None
    last = len(report.moments) - 1
    return htpy.section(id="compare")[
        htpy.h2["Compare two moments"],
        draw_comparison(report.compared, report.moments, report.first_pinned, last, report.unit),
    ]


def _navigation(report: ReportPages) -> Node:
    places = [
        Reference("Fleet", "#fleet"),
        *([Reference("Hosts", f"#{report.hosts[0].anchor}")] if report.hosts else []),
        *([Reference("VMs", f"#{report.vms[0].anchor}")] if report.vms else []),
        *([Reference("Compare", "#compare")] if len(report.moments) > 1 else []),
        Reference("Findings", "#findings"),
        Reference("Rules", "#rules"),
    ]
    return _places(places)


def _places(places: Sequence[Reference]) -> Node:
    return htpy.nav(aria_label="Pages")[htpy.ul[(htpy.li[link(place)] for place in places)]]
