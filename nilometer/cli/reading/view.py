"""``nilo view``: the guest-visible memory view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import partial
from shlex import quote
from typing import Final

import click

from domain.errors import UnknownHost, UnknownVm
from domain.identifiers import host_stream, vm_stream
from domain.settings import Mode
from domain.state import Power
from nilometer.cli.documents import to_document
from nilometer.cli.failures import OK, Mistyped
from nilometer.cli.names import (
    EMPTY,
    GONE,
    find_host,
    find_named,
    find_vm,
    has_history,
    list_vm_names,
    match_host_case,
)
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.reading.moments import complete_moment, parse_one_moment
from nilometer.cli.session import current_session
from nilometer.cli.vm_names import VmNames, ids_option
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.settings import describe_setting
from nilometer.messages.sizes import UNKNOWN, Unit, common_unit, format_rounded, format_sizes
from nilometer.times import format_exact_time, format_time, format_time_near, format_time_short
from projections.books import HostBook, host_book
from projections.fleet import Fleet
from projections.unknowns import WhyUnknown, how_to_know
from projections.view import HostRow, View, VmRow, view

NOTHING: Final = "There was no host and no VM at that time."
_HOST_COLUMNS: Final = ("Host", "Total", "Reserve", "Held", "Free", "Release", "Last update")
_VM_COLUMNS: Final = ("VM", "Power", "Assigned", "Visible", "Watermark", "In use", "Last update")
_HOST_SIZES: Final = ("total", "reserve", "assigned", "free")
_VM_SIZES: Final = (
    "assigned",
    "held",
    "visible",
    "high_watermark",
    "in_use",
    "ballooned",
    "paged_out",
    "hot_pluggable",
    "requested",
)


_LEFT_OUT: Final = (
    "vm",
    "measured",
    "as_of",
    "in_use_as_of",
    "in_use_reported",
    "open_requests",
    "last_change",
    "unknown",
)
"""What is shown elsewhere, or beside the figure that it is about."""

_WHY_UNKNOWN: Final = {
    WhyUnknown.BEFORE_THE_LAST_MOVE: "measured before the last move",
    WhyUnknown.NOT_REPORTED: "not reported in this session",
    WhyUnknown.NOT_MEASURED: "never measured",
}

_TIMES: Final = ("not_listed_since", "retired_since", "watched_until", "newest_poll")


@click.command("view")
@click.argument("name", metavar="[VM|HOST]", required=False)
@click.option("--at", metavar="TIME", help="The state at this time, by all that is known now.")
@click.option(
    "--position", metavar="N", type=click.IntRange(min=0), help="The state as it was known when N events were recorded."
)
@click.option("--vm", metavar="VM", help="Only this VM, with all its figures, and its host.")
@click.option("--host", metavar="HOST", help="Only this host and the VMs on it.")
@click.option("--over-time", is_flag=True, help="The figures after each event until then, oldest first.")
@ids_option
@common_options
def command(
    name: str | None, at: str | None, position: int | None, vm: str | None, host: str | None, over_time: bool
) -> int:
    """Show the memory that each guest sees, has and uses, and when each figure was last updated.

    \b
    Examples:
      nilo view web01
      nilo view --at "2026-11-23 09:00" --format json
    """
    session = current_session()
    out = Output(session.format)
    moment = parse_one_moment(at, position)
    if name is not None and (vm is not None or host is not None):
        raise Mistyped(f"{name!r} and {'--vm' if vm is not None else '--host'} both choose", hint="give one of them")
    with session.reading() as ledger:
        moment = None if moment is None else complete_moment(ledger, moment)
        fleet = ledger.views.fleet_of(moment)
        out.name = VmNames(ledger, fleet).put_in
        vm = None if vm is None else _find_vm(ledger, fleet, vm)
        host = None if host is None else _find_host(ledger, fleet, host)
        if name is not None:
            vm, host = find_named(name, partial(_find_vm, ledger, fleet), partial(_find_host, ledger, fleet))
        if over_time:
            from nilometer.cli.reading.over_time import show_over_time  # here, because it loads the classes of events

            show_over_time(out, ledger, moment, vm=vm, host=host)
            return OK
        rows = view(fleet, at=moment if isinstance(moment, str) else None, vm=vm, host=host)
        books = [] if host is None or host not in fleet.hosts else [host_book(fleet, host)]
        empty = not ledger.position
    if out.json:
        out.write_document(to_document(rows))
    elif not rows.hosts and not rows.vms:
        out.write_line(EMPTY if empty else NOTHING if vm is None else f"VM {vm} was not on host {host} at that time.")
    else:
        _show(out, rows, books, in_full=vm is not None, typed=at is not None)
    return OK


def _find_vm(ledger: LedgerReader, fleet: Fleet, word: str) -> str:
    names = list_vm_names(fleet)
    if word not in names and word not in names.values() and has_history(ledger, vm_stream(word)):
        raise UnknownVm(word, hint=f"{GONE}; its history: nilo log --vm {quote(word)}")
    return find_vm(word, names)


def _find_host(ledger: LedgerReader, fleet: Fleet, word: str) -> str:
    word = match_host_case(word, fleet)
    if word not in fleet.hosts and not fleet.on(word) and has_history(ledger, host_stream(word)):
        raise UnknownHost(word, hint=f"{GONE}; its history: nilo log --host {quote(word)}")
    return word if fleet.on(word) else find_host(word, fleet.hosts)


def _show(out: Output, rows: View, books: Sequence[HostBook], *, in_full: bool, typed: bool) -> None:
    unit = common_unit(_list_sizes(rows))
    moment = "" if rows.at is None else f", {format_exact_time(rows.at) if typed else format_time(rows.at)}"
    out.write_line(f"Position {rows.position}{moment}")
    if out.format == "plain":
        for host in rows.hosts:
            out.write_line(_format_host(host, unit))
        for vm in rows.vms:
            out.write_line(_format_vm(out, vm, unit))
    else:
        _write_tables(out, rows, unit)
    for book in books:
        out.write_line(_format_book(book, unit))
    if in_full:
        for vm in rows.vms:
            _write_details(out, vm, unit)


def _list_sizes(rows: View) -> Iterator[int | None]:
    """All figures that are shown: one answer has one unit."""
    for host in rows.hosts:
        yield from (getattr(host, name) for name in _HOST_SIZES)
    for vm in rows.vms:
        yield from (getattr(vm, name) for name in _VM_SIZES)


# Plain: a sentence a row, fit to be read aloud


def _format_host(row: HostRow, unit: Unit) -> str:
    total, reserve, held, free = format_sizes([row.total, row.reserve, row.assigned, row.free], unit)
    stated = " (stated)" if row.reserve_is_stated else ""
    return (
        f"Host {row.host} ({row.origin}): total {total}, reserve {reserve}{stated}, held by VMs {held}, free {free}; "
        f"last update {_format_update(row)}{_format_inventory(row)}{_format_gap(row)}"
    )


def _format_inventory(row: HostRow) -> str:
    """What the host said of itself."""
    booted = "" if row.booted is None else f"; booted {format_time(row.booted)}"
    return booted if row.cluster is None else f"{booted}; in the cluster {row.cluster}"


def _last_update(row: VmRow) -> str:
    """When it was last seen: by its last event, or by a poll that had no other news."""
    return max(row.as_of, row.watched_until or row.as_of)


def _format_update(row: HostRow) -> str:
    """When a host was last seen; never, if only its VMs name it."""
    seen = max(row.as_of or "", row.watched_until or "")
    return format_time(seen) if seen else "never"


def _format_gap(row: HostRow) -> str:
    """The last time in which nobody watched it."""
    if row.not_watched is None:
        return ""
    since, until = row.not_watched["since"], row.not_watched["until"]
    return f"; not watched from {format_time(since)} to {format_time_near(until, since)}"


def _format_vm(out: Output, row: VmRow, unit: Unit) -> str:
    assigned, visible, watermark = format_sizes([row.assigned, row.visible, row.high_watermark], unit)
    name = "" if _shows_name(out, row) else f" named {row.name}"
    return (
        f"VM {row.vm}{name} on {row.host or UNKNOWN} ({row.origin}): {_format_power(row)}, "
        f"assigned {assigned}, visible {visible}, high watermark {watermark}, "
        f"in use {_format_in_use(row, unit)}{_format_shortfall(row, unit)}; "
        f"last update {format_time(_last_update(row))}{_format_newest(row)}"
    )


def _format_shortfall(row: VmRow, unit: Unit) -> str:
    """What a running static VM of a hypervisor is set to, where it has another size."""
    setting, assigned = row.memory, row.assigned
    if row.origin != "observed" or setting is None or setting.mode is not Mode.STATIC or not assigned:
        return ""
    if row.power not in (Power.RUNNING, Power.PAUSED) or assigned == setting.startup:
        return ""
    set_to, has, missing = format_sizes([setting.startup, assigned, abs(assigned - setting.startup)], unit)
    if row.requested != setting.startup:  # nobody is known to have requested that
        return f"; set to {set_to}, has {has}"
    way = "removed" if assigned > setting.startup else "added"
    return f"; set to {set_to}, has {has}: {missing} could not be {way} so far"


def _format_newest(row: VmRow) -> str:
    """That its figures are those of a poll that no event records yet."""
    if row.newest_poll is None:
        return ""
    return f" (by the poll at {format_time_near(row.newest_poll, _last_update(row))}, newer than its last event)"


def _shows_name(out: Output, row: VmRow) -> bool:
    """Whether the id, as it is shown, says the name."""
    return row.vm.endswith(row.name) or out.name(row.vm).startswith(row.name)


def _format_power(row: VmRow) -> str:
    """Its power state; or since when no host lists it, or it is retired."""
    if row.retired_since is not None:
        return f"retired since {format_time(row.retired_since)}"
    if row.not_listed_since is not None:
        return f"not listed since {format_time(row.not_listed_since)}"
    return row.power or f"power {UNKNOWN}"


def _format_in_use(row: VmRow, unit: Unit) -> str:
    """What the guest uses; and when it reported that, if there was a later event."""
    if not row.in_use_reported:
        return UNKNOWN if row.origin == "observed" else "not reported"
    reported = f" at {format_time_near(row.in_use_as_of or row.as_of, row.as_of)}" if _is_older(row) else ""
    return f"{format_rounded(row.in_use, unit)}{reported}"


def _format_book(book: HostBook, unit: Unit) -> str:
    held, *parts = format_sizes([book.held, *[entry.held for entry in book.entries]], unit)
    holders = ", ".join(f"{entry.vm} {part}" for entry, part in zip(book.entries, parts, strict=True))
    return f"Book of host {book.host}: held {held}" + (f" by {holders}" if holders else "")


# Human: tables


def _write_tables(out: Output, rows: View, unit: Unit) -> None:
    """Writes a table of the hosts, and one of the VMs on each: at 80 columns a host or VM is one line."""
    if rows.hosts:
        cells = [
            [
                row.host,
                *_format_numbers([row.total, row.reserve, row.assigned, row.free], unit),
                row.version or row.origin,
                _format_update_short(row, rows.at),
            ]
            for row in rows.hosts
        ]
        right = ("Total", "Reserve", "Held", "Free")
        out.write_table(f"Hosts, in {unit.name}", _HOST_COLUMNS, cells, right=right, crop="Host")
        for row in rows.hosts:
            if row.not_watched is not None:
                out.write_line(f"{row.host}{_format_gap(row).removeprefix(';')}")
    for host in sorted({row.host for row in rows.vms}, key=str):
        there = [row for row in rows.vms if row.host == host]
        cells = [
            [
                f"{'' if _shows_name(out, row) else f'{row.name} '}{row.vm}{'+' if row.newest_poll else ''}",
                _format_power_short(row),
                *_format_numbers([row.assigned, row.visible, row.high_watermark], unit),
                _format_in_use_short(row, unit),
                format_time_short(_last_update(row), rows.at),
            ]
            for row in there
        ]
        title = f"VMs on host {host}, in {unit.name}" if host else f"VMs on an unknown host, in {unit.name}"
        right = ("Assigned", "Visible", "Watermark", "In use")
        out.write_table(title, _VM_COLUMNS, cells, right=right, crop="VM")
        for vm in there:
            if shortfall := _format_shortfall(vm, unit):
                out.write_line(f"{vm.name}{shortfall.removeprefix(';')}")
        older = [
            f"{row.vm} at {format_time_near(row.in_use_as_of or row.as_of, row.as_of)}"
            for row in there
            if _is_older(row)
        ]
        newest = [f"{row.name} at {format_time_near(row.newest_poll, row.as_of)}" for row in there if row.newest_poll]
        if newest:
            out.write_line(f"+ by a poll that is newer than the last event: {', '.join(newest)}")
        if older:
            out.write_line(f"* reported before the last update: {', '.join(older)}")


def _format_update_short(row: HostRow, at: str | None) -> str:
    seen = max(row.as_of or "", row.watched_until or "")
    return format_time_short(seen, at) if seen else "never"


def _format_power_short(row: VmRow) -> str:
    if row.retired_since is not None:
        return "retired"
    return row.power or UNKNOWN if row.not_listed_since is None else "not listed"


def _format_numbers(counts: Sequence[int | None], unit: Unit) -> list[str]:
    """Sizes in a unit that stands in the title of their table."""
    return [text.removesuffix(f" {unit.name}") for text in format_sizes(counts, unit)]


def _is_older(row: VmRow) -> bool:
    """Whether the guest reported what it uses before the VM's last event."""
    return row.in_use_reported and row.in_use_as_of is not None and row.in_use_as_of < row.as_of


def _format_in_use_short(row: VmRow, unit: Unit) -> str:
    if not row.in_use_reported:
        return _format_in_use(row, unit)
    return f"{_format_numbers([row.in_use], unit)[0]}{'*' if _is_older(row) else ''}"


# One VM in full


def _format_unknown(row: VmRow, figure: str, unit: Unit) -> str:
    """Why a figure is not known, and what would tell it."""
    found = row.unknown.get(figure)
    if found is None:
        return ""
    last = "" if found.last is None else f" ({format_rounded(found.last, unit)})"
    measured = "" if found.measured is None else f", last at {format_time(found.measured)}{last}"
    return f" ({_WHY_UNKNOWN[found.why]}{measured}). {how_to_know(found, row.vm)}"


def _write_details(out: Output, row: VmRow, unit: Unit) -> None:
    out.write_line(f"All figures of VM {row.vm}")
    for field in fields(row):
        value = getattr(row, field.name)
        name = field.name.replace("_", " ")
        if field.name in _LEFT_OUT:
            continue
        if value is None and (field.name in _TIMES or field.name == "requested"):  # no request is open
            continue
        if field.name == "memory":
            out.write_line(f"    {name}: {UNKNOWN if row.memory is None else describe_setting(row.memory, unit)}")
            continue
        text = UNKNOWN if value is None else format_rounded(value, unit) if field.name in _VM_SIZES else str(value)
        if field.name in _TIMES and value is not None:
            text = format_time(value)
        if field.name == "in_use" and not row.in_use_reported:
            text = UNKNOWN
        measured = row.in_use_as_of if field.name == "in_use" else row.measured.get(field.name)
        age = f", as of {format_time(measured)}" if measured and value is not None else ""
        out.write_line(f"    {name}: {text}{age}{_format_unknown(row, field.name, unit)}")
    out.write_line(f"    all other figures as of {format_time(row.as_of)}")
