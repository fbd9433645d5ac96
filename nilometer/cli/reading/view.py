"""``nilo view``: the guest-visible memory view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from shlex import quote
from typing import Final

import click

from domain.errors import UnknownHost, UnknownVm
from domain.identifiers import host_stream, vm_stream
from nilometer.cli.documents import document
from nilometer.cli.failures import OK
from nilometer.cli.names import find_host, find_vm, has_history, in_its_case, names_of
from nilometer.cli.options import common
from nilometer.cli.output import Output
from nilometer.cli.reading.moments import one_moment
from nilometer.cli.session import current_session
from nilometer.ledger.ledger import Ledger
from nilometer.messages.events import describe_setting
from nilometer.messages.sizes import UNKNOWN, format_rounded, format_sizes
from nilometer.times import shown, shown_near
from projections.books import HostBook, host_book
from projections.fleet import Fleet
from projections.view import HostRow, View, VmRow, view

EMPTY: Final = "The ledger is empty. Begin with: nilo do register-host --help, or nilo run SCRIPT.jsonl"
NOTHING: Final = "There was no host and no VM then."
_HOST_COLUMNS: Final = ("Host", "Total", "Reserve", "Held", "Free", "Release", "Heard of")
_VM_COLUMNS: Final = ("VM", "Power", "Assigned", "Visible", "Watermark", "In use", "Heard of")
_SIZES: Final = (
    "assigned",
    "held",
    "visible",
    "high_watermark",
    "in_use",
    "ballooned",
    "paged_out",
    "hot_pluggable",
)


@click.command("view")
@click.option("--at", metavar="TIME", help="As it was at this time, by all that is known now.")
@click.option("--position", type=click.IntRange(min=0), help="As it was known when so many events were recorded.")
@click.option("--vm", metavar="VM", help="One VM, in full, and its host.")
@click.option("--host", metavar="HOST", help="One host and the VMs on it.")
@common
def command(at: str | None, position: int | None, vm: str | None, host: str | None) -> int:
    """Show the memory that each guest sees, has and uses, and how old each figure is.

    \b
    Examples:
      nilo view --vm web01
      nilo view --at "2026-11-23 09:00" --format json
    """
    session = current_session()
    out = Output(session.format)
    moment = one_moment(at, position)
    with session.reading() as ledger:
        fleet = ledger.views.fleet_of(moment)
        vm = None if vm is None else _vm(ledger, fleet, vm)
        host = None if host is None else in_its_case(host, fleet)
        if host is not None and not fleet.on(host):
            host = _host(ledger, fleet, host)
        seen = view(fleet, at=moment if isinstance(moment, str) else None, vm=vm, host=host)
        books = [] if host is None or host not in fleet.hosts else [host_book(fleet, host)]
        empty = not ledger.position
    if out.json:
        out.document(document(seen))
    elif not seen.hosts and not seen.vms:
        out.line(EMPTY if empty else NOTHING if vm is None else f"VM {vm} was not on host {host} then.")
    else:
        _show(out, seen, books, in_full=vm is not None)
    return OK


def _vm(ledger: Ledger, fleet: Fleet, word: str) -> str:
    names = names_of(fleet)
    if word not in names and word not in names.values() and has_history(ledger, vm_stream(word)):
        raise UnknownVm(word, hint=f"there was none at that moment; its history: nilo log --vm {quote(word)}")
    return find_vm(word, names)


def _host(ledger: Ledger, fleet: Fleet, word: str) -> str:
    if word not in fleet.hosts and has_history(ledger, host_stream(word)):
        raise UnknownHost(word, hint=f"there was none at that moment; its history: nilo log --host {quote(word)}")
    return find_host(word, fleet.hosts)


def _show(out: Output, seen: View, books: Sequence[HostBook], *, in_full: bool) -> None:
    out.line(f"Position {seen.position}, {shown(seen.at)}" if seen.at else f"Position {seen.position}")
    if out.format == "plain":
        for host in seen.hosts:
            out.line(_host_line(host))
        for vm in seen.vms:
            out.line(_vm_line(vm))
    else:
        _tables(out, seen)
    for book in books:
        out.line(_book_line(book))
    if in_full:
        for vm in seen.vms:
            _details(out, vm)


# Plain: a sentence a row, fit to be read aloud


def _host_line(row: HostRow) -> str:
    total, reserve, held, free = format_sizes([row.total, row.reserve, row.assigned, row.free])
    return (
        f"Host {row.host} ({row.origin}): total {total}, reserve {reserve}, held by VMs {held}, free {free}; "
        f"last heard of {shown(row.as_of)}"
    )


def _vm_line(row: VmRow) -> str:
    assigned, visible, watermark = format_sizes([row.assigned, row.visible, row.high_watermark])
    called = "" if row.vm.endswith(row.name) else f" called {row.name}"
    return (
        f"VM {row.vm}{called} on {row.host or UNKNOWN} ({row.origin}): {row.power or f'power {UNKNOWN}'}, "
        f"assigned {assigned}, visible {visible}, high watermark {watermark}, "
        f"in use {_in_use(row)}; last heard of {shown(row.as_of)}"
    )


def _in_use(row: VmRow) -> str:
    """What the guest uses; when it told, if it was heard of since."""
    if not row.in_use_reported:
        return UNKNOWN if row.origin == "observed" else "not reported"
    told = "" if row.in_use_as_of in (None, row.as_of) else f" at {shown_near(row.in_use_as_of or '', row.as_of)}"
    return f"{format_rounded(row.in_use)}{told}"


def _book_line(book: HostBook) -> str:
    held, *each = format_sizes([book.held, *[entry.held for entry in book.entries]])
    holders = ", ".join(f"{entry.vm} {text}" for entry, text in zip(book.entries, each, strict=True))
    return f"Book of host {book.host}: held {held}" + (f" by {holders}" if holders else "")


# Human: tables


def _tables(out: Output, seen: View) -> None:
    if seen.hosts:
        rows = [
            [
                row.host,
                *format_sizes([row.total, row.reserve, row.assigned, row.free]),
                row.version or row.origin,
                shown_near(row.as_of, seen.at),
            ]
            for row in seen.hosts
        ]
        out.table("Hosts", _HOST_COLUMNS, rows, right=("Total", "Reserve", "Held", "Free"))
    for host in sorted({row.host for row in seen.vms}, key=str):
        on = [row for row in seen.vms if row.host == host]
        rows = [
            [
                row.vm if row.vm.endswith(row.name) else f"{row.vm} ({row.name})",
                row.power or UNKNOWN,
                *format_sizes([row.assigned, row.visible, row.high_watermark]),
                _in_use(row),
                shown_near(row.as_of, seen.at),
            ]
            for row in on
        ]
        title = f"VMs on host {host}" if host else "VMs on no known host"
        out.table(title, _VM_COLUMNS, rows, right=("Assigned", "Visible", "Watermark", "In use"))


# One VM in full


def _details(out: Output, row: VmRow) -> None:
    out.line(f"VM {row.vm} in full")
    for field in fields(row):
        value = getattr(row, field.name)
        name = field.name.replace("_", " ")
        if field.name in ("vm", "measured", "as_of", "in_use_as_of", "in_use_reported"):
            continue
        if field.name == "memory":
            out.line(f"    {name}: {UNKNOWN if row.memory is None else describe_setting(row.memory)}")
            continue
        text = UNKNOWN if value is None else format_rounded(value) if field.name in _SIZES else str(value)
        if field.name == "in_use" and not row.in_use_reported:
            text = UNKNOWN
        measured = row.in_use_as_of if field.name == "in_use" else row.measured.get(field.name)
        out.line(f"    {name}: {text}{f', as of {shown(measured)}' if measured else ''}")
    out.line(f"    all else as of: {shown(row.as_of)}")
