"""The digest as a short page, and as plain text for a mail."""

from __future__ import annotations

from collections.abc import Iterator

import htpy
from htpy import Node, Renderable

from nilometer.report.data import Digest, ReportPages
from nilometer.report.pages.fleet import asked_table, show_numbers, show_verdict


def show_digest(report: ReportPages, digest: Digest) -> Renderable:
    """The section of the digest."""
    return htpy.section(id="digest")[
        show_verdict(report.verdict, linked=False),
        htpy.p(class_="facts")[f"New in {digest.span}"],
        show_numbers(report.fleet),
        htpy.h2["Findings"],
        htpy.ul[(htpy.li[f"{item.verdict}: {item.rule.words}: {item.message}"] for item in digest.findings)]
        if digest.findings
        else htpy.p(class_="muted")["No new finding."],
        htpy.h2["Requests that were not granted in full, or that nobody is named for"],
        _requests(digest),
    ]


def _requests(digest: Digest) -> Node:
    newest = f" {digest.newest_only}" if digest.newest_only else ""
    if not digest.requests:
        return htpy.p(class_="muted")[f"None of {digest.requests_count} requests.{newest}"]
    more = f", {digest.left_out} left out" if digest.left_out else ""
    shown = f"{len(digest.requests)} of {digest.requests_count} requests{more}.{newest}"
    return [asked_table(digest.requests, "digest-requests"), htpy.p(class_="muted")[shown]]


def digest_text(report: ReportPages, digest: Digest) -> Iterator[str]:
    """The digest as lines of plain text: no line is markup, and none has a control character."""
    verdict = report.verdict
    lines = [
        f"{verdict.word.upper()}: {verdict.sentence} {verdict.more}".rstrip(),
        f"Covers {verdict.covers}",
        "",
        f"New in {digest.span}",
    ]
    lines += [
        f"- {number.label}: {number.value}{f' ({number.detail})' if number.detail else ''}"
        for number in report.fleet.numbers
    ]
    lines += ["", "Findings"]
    lines += [f"- {item.verdict}: {item.rule.words}: {item.message}" for item in digest.findings] or ["- nothing new"]
    lines += ["", "Requests that were not granted in full, or that nobody is named for"]
    lines += [
        f"- {item.time} {item.vm.words} {item.amount}: {item.says}; {item.who} ({item.event.words})"
        for item in digest.requests
    ] or [f"- none of {digest.requests_count}"]
    if digest.left_out:
        lines.append(f"- {digest.left_out} more")
    if digest.newest_only:
        lines.append(digest.newest_only)
    lines += ["", f"{report.tool}, made {report.made}; times are {report.zone}"]
    for line in lines:
        yield f"{_plain(line)}\n"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter in _SPACES else " " for letter in text)


_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
