"""The pages: those of the report, each at an address of its own that is named as its anchor in the report."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape, unescape
from importlib.metadata import version
from typing import Final

import htpy
from htpy import Node
from markupsafe import Markup

from nilometer.cli.serving.lists import compare, list_vms
from nilometer.cli.serving.live import LiveLedger
from nilometer.messages.sizes import plural
from nilometer.report.building.context import Context, counted, host_anchor, vm_anchor
from nilometer.report.building.findings import finding_items, flags
from nilometer.report.building.fleet import fleet_page
from nilometer.report.building.hosts import host_page
from nilometer.report.building.report import Origin, verdict_block
from nilometer.report.building.rules import rules_page
from nilometer.report.building.vms import vm_page
from nilometer.report.chart.looks import patterns
from nilometer.report.clocks import Clock24
from nilometer.report.data import FindingItem, ReportPages
from nilometer.report.pages.findings import show_findings, show_rules
from nilometer.report.pages.fleet import show_fleet, show_verdict
from nilometer.report.pages.hosts import show_host
from nilometer.report.pages.vms import show_vm
from nilometer.storage.urls import mask_texts
from nilometer.times import current_time
from projections.view import View, view
from rules.wording import MIB

MOST_KEPT: Final = 64
"""Pages that are kept as long as nothing new is recorded."""

_FRAGMENT: Final = re.compile(r' href="#([^"]*)"')
_HEADING: Final = re.compile(r"<h2>.*?</h2>", re.DOTALL)
_LOWER_HEADINGS: Final = re.compile(r"<(/?)h([34])(?=[ >])")
_ID: Final = re.compile(r' id="([^"]*)"')


@dataclass(frozen=True, slots=True)
class PageReply:
    """An answer: a page, or where to look instead."""

    html: str = ""
    status: int = 200
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What all pages of one position share."""

    generation: int
    position: int
    context: Context
    now: View
    findings: tuple[FindingItem, ...]


class PageMaker:
    """Makes the pages of a ledger that is followed."""

    def __init__(self, live: LiveLedger, clock: Clock24, assets: Mapping[str, str]) -> None:
        self._live = live
        self._clock = clock
        self._assets = assets
        """Where the style and the scripts are, by their names."""
        self._known: _Known | None = None
        self._pages: OrderedDict[tuple[object, ...], PageReply] = OrderedDict()

    def page(self, name: str, query: Mapping[str, str]) -> PageReply:
        """The page of a name, such as ``vm-web01``; the empty name is the fleet's."""
        with self._live.lock:
            problem = self._live.problem
            at = self._live.generation, self._live.position
            key = (name, tuple(sorted(query.items())), at, problem and problem.message)
            if key in self._pages:
                self._pages.move_to_end(key)
                return self._pages[key]
            made = self._make(name, query)
            self._pages[key] = made
            if len(self._pages) > MOST_KEPT:
                self._pages.popitem(last=False)
            return made

    def _make(self, name: str, query: Mapping[str, str]) -> PageReply:
        known = self._look()
        collected = known.context.collected
        if name == "":
            return self._whole(known, "Fleet", "", self._fleet(known))
        if name == "vms":
            return self._whole(known, "VMs", name, list_vms(known.context, known.now))
        if name == "findings":
            return self._whole(known, "Findings", name, show_findings(self._report(known)))
        if name == "rules":
            return self._whole(known, "Rules", name, show_rules(self._report(known).rules))
        if name == "compare":
            return self._whole(known, "Compare", name, compare(known.context, query))
        vm = next((id for id in collected.vms if vm_anchor(id) == name), None)
        if vm is not None:
            shown_vm = show_vm(vm_page(known.context, collected.vms[vm], known.findings), self._clock.zone)
            return self._whole(known, f"VM {known.context.name_of(vm)}", name, shown_vm)
        host = next((id for id in collected.hosts if host_anchor(id) == name), None)
        if host is not None:
            shown_host = show_host(host_page(known.context, collected.hosts[host], known.now), self._clock.zone)
            return self._whole(known, f"Host {host}", name, shown_host)
        if re.fullmatch(r"e\d{1,15}", name):
            return self._event(known, int(name[1:]))
        if re.fullmatch(r"f[\w.-]{1,80}|r-[\w-]{1,80}", name, re.ASCII):
            return PageReply(elsewhere=f"{'findings' if name[0] == 'f' else 'rules'}#{name}")
        nothing = htpy.p[
            "There is no such page. It may have been one of another ledger. ", htpy.a(href="/")["The fleet"]
        ]
        return replace(self._whole(known, "Not here", name, nothing), status=404)

    def _look(self) -> _Known:
        live, known = self._live, self._known
        if known is not None and (known.generation, known.position) == (live.generation, live.position):
            return known
        collected = self._live.collected
        at = collected.last or current_time()
        subjects = [*collected.vms.values(), *collected.hosts.values()]
        context = Context(
            collected=collected,
            clock=replace(self._clock, day=self._clock.date(at)),
            at=at,
            paged_vms=frozenset(collected.vms),
            paged_hosts=frozenset(collected.hosts),
            listed=frozenset(row.envelope.position for subject in subjects for row in subject.listed()),
        )
        findings = finding_items(context, collected.audit.findings) if collected.judged else ()
        self._known = _Known(
            generation=live.generation,
            position=live.position,
            context=replace(context, findings_of=flags(findings)),
            now=view(collected.fleet, at=at),
            findings=findings,
        )
        return self._known

    def _report(self, known: _Known) -> ReportPages:
        collected = known.context.collected
        return ReportPages(
            title="Fleet",
            made="",
            tool=f"nilo {version('nilometer')}",
            zone=self._clock.name,
            verdict=verdict_block(known.context, Origin(mask_texts(self._live.url)), known.findings, None),
            fleet=fleet_page(known.context, known.now),
            hosts=(),
            vms=(),
            vms_left_out=0,
            findings=known.findings,
            findings_left_out=collected.audit.left_out if collected.judged else 0,
            rules=rules_page(collected.audit.coverage.rules, None, judged=collected.judged),
            compared=(),
            moments=(),
            first_pinned=0,
            unit=MIB,
        )

    def _fleet(self, known: _Known) -> Node:
        report = self._report(known)
        return [show_verdict(report.verdict), show_fleet(report, self._clock.zone)]

    def _event(self, known: _Known, position: int) -> PageReply:
        """Where an event stands: in the table of its VM or host, or, if that is too long, at its moment."""
        with_row = position in known.context.listed
        collected = known.context.collected
        for anchor, histories in ((vm_anchor, collected.vms), (host_anchor, collected.hosts)):
            for id, history in histories.items():
                if with_row and any(row.envelope.position == position for row in history.listed()):
                    return PageReply(elsewhere=f"{anchor(id)}#e{position}")
        return PageReply(elsewhere=f"vms#at={position}")

    # The frame

    def _whole(self, known: _Known, title: str, name: str, content: Node) -> PageReply:
        live = self._live
        main = htpy.main(id="main")[
            htpy.h1[title],
            live.problem is not None
            and htpy.p(class_="banner", role="alert")[
                htpy.b["Nothing new can be read. "], f"{mask_texts(live.problem.message)}. ",
                "What was read until then is shown.",
            ],
            live.unreadable > 0
            and htpy.p(class_="notice")[f"{plural(live.unreadable, 'event')} cannot be read: nilo repair says why."],
            live.older > 0
            and htpy.p(class_="notice")[
                f"Older events are being read: {counted(live.older_read)} of {counted(live.older)}. "
                "Until then charts and tables begin with the newest, and nothing is judged."
            ],
            not known.context.collected.events
            and live.older == 0
            and htpy.p(class_="notice")["No event is recorded in this ledger yet. What comes is shown at once."],
            lifted(content),
        ]  # fmt: skip
        body = htpy.body(class_="lone", data_position=str(known.position))[
            htpy.a(class_="skip", href="#main")["Skip to the content"],
            patterns(),
            htpy.header[htpy.p(class_="brand")["Nilometer"], _navigation(name)],
            main,
            htpy.p(class_="live", role="status"),
            htpy.footer[
                htpy.p[
                    f"nilo {version('nilometer')} · {mask_texts(live.url)} · ",
                    htpy.span(id="position")[f"position {known.position}"],
                    f" · times are {self._clock.name}",
                ]
            ],
        ]
        head = htpy.head[
            htpy.meta(charset="utf-8"),
            htpy.meta(name="viewport", content="width=device-width, initial-scale=1"),
            htpy.meta(name="color-scheme", content="light dark"),
            htpy.title[f"{title} · Nilometer"],
            htpy.link(rel="stylesheet", href=self._assets["report.css"]),
            htpy.script(src=self._assets["report.js"], defer=True),
            htpy.script(src=self._assets["live.js"], defer=True),
        ]
        return PageReply(with_addresses(str(htpy.html(lang="en")[head, body])))


def lifted(content: Node) -> Markup:
    """A section of a report as a page: its heading is the page's own, and those below it are one level higher."""
    html = str(htpy.fragment[content])
    html = _HEADING.sub("", html, count=1)
    return Markup(_LOWER_HEADINGS.sub(lambda found: f"<{found[1]}h{int(found[2]) - 1}", html))


def with_addresses(html: str) -> str:
    """Fragments that lead to other pages become addresses: what is an anchor in a report is a page here."""
    here = set(_ID.findall(html))

    def address(found: re.Match[str]) -> str:
        anchor = found[1]
        if anchor in here or not anchor:
            return found[0]
        plain = unescape(anchor)
        return f' href="/{"" if plain in ("fleet", "verdict") else escape(plain)}"'

    return _FRAGMENT.sub(address, html)


def _navigation(name: str) -> Node:
    places = (
        ("", "Fleet", name == "" or name.startswith("host-")),
        ("vms", "VMs", name.startswith("vm")),
        *((place, place.capitalize(), name == place) for place in ("compare", "findings", "rules")),
    )
    return htpy.nav(aria_label="Pages")[
        htpy.ul[
            (
                htpy.li[htpy.a(href=f"/{place}", aria_current="page" if is_here else None)[words]]
                for place, words, is_here in places
            )
        ]
    ]
