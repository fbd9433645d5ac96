"""``nilo short``: which VMs are short of memory and why, worst first."""

from __future__ import annotations

from collections import Counter
from typing import Final

import click

from domain.identifiers import seconds_between
from domain.observed.shortage import (
    FULL_PRESSURE,
    LITTLE,
    LITTLE_OF_SMALL,
    LITTLE_PERCENT,
    LOW_SECONDS,
    PRESSED_POLLS,
)
from nilometer.cli.documents import to_document
from nilometer.cli.failures import OK
from nilometer.cli.names import EMPTY
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session, read_typed_time
from nilometer.cli.vm_names import VmNames, ids_option
from nilometer.messages.sizes import format_rounded, format_size
from nilometer.queries import read_short
from nilometer.times import current_time, format_duration, format_time
from projections.short import Shortages, ShortVm, WhyShort

_REASONS: Final = {
    "not-heard": "not updated",
    "power-unknown": "whether it runs was not recorded",
    "no-counter": "on a host before Server 2022, where what a guest has available is not measured: by pressure alone",
    "not-measured": "what the guest has available was not measured",
}


HELP: Final = f"""Show which VMs are short of memory and why, worst first, with how long; and of which that is unknown.

    Short is: at its maximum with a pressure over {FULL_PRESSURE} in {PRESSED_POLLS} polls; little available for
    {format_duration(LOW_SECONDS)} (under {format_size(LITTLE)} or {LITTLE_PERCENT} percent, in a small VM one part in
    {LITTLE_OF_SMALL}), where Dynamic Memory cannot give more; or less granted than was requested.

    \b
    Examples:
      nilo short
      nilo short --at "yesterday 14:00" --format json
    """


@click.command("short", help=HELP)
@click.option("--at", metavar="TIME", help="As it was at this time; default now.")
@ids_option
@common_options
def command(at: str | None) -> int:
    """Shows which VMs are short, as ``HELP`` says."""
    session = current_session()
    out = Output(session.format)
    moment = None if at is None else read_typed_time(at)
    with session.reading() as ledger:
        out.name = VmNames(ledger).put_in
        found = read_short(ledger, at=moment, now=current_time(session.clock))
        is_empty = not ledger.position
        if out.json:
            out.write_document(to_document(found))
        elif is_empty:
            out.write_line(EMPTY)
        else:
            _show(out, found)
    return OK


def _show(out: Output, found: Shortages) -> None:
    for one in found.short:
        out.write_line(_describe(one, found.at))
    if not found.short:
        which = f"of {found.running} that run" if found.running else "and none is known to run"
        out.write_line(f"No VM is known to be short of memory at {format_time(found.at)}, {which}.")
    reasons = Counter(one.reason for one in found.unknown)
    for reason, count in sorted(reasons.items()):
        named = [one for one in found.unknown if one.reason == reason]
        shown = ", ".join(_name(one.vm, one.since) for one in named[:5])
        more = f" and {count - 5} more" if count > 5 else ""
        out.write_line(f"unknown, {_REASONS[reason]}: {shown}{more}")


def _name(vm: str, since: str | None) -> str:
    return vm if since is None else f"{vm} since {format_time(since)}"


def _describe(one: ShortVm, at: str) -> str:
    """One VM in a line: ``web01 on hv01: pressure 120 % at its maximum of 8 GiB, for 2 h 5 min (since …)``."""
    length = format_duration(max(0.0, seconds_between(one.since, at)))
    assigned = format_rounded(one.assigned)
    match one.why:
        case WhyShort.PRESSURE:
            pressure = "over 100" if one.pressure is None else str(one.pressure)
            what = f"pressure {pressure} % at its maximum of {format_rounded(one.maximum)}"
        case WhyShort.AVAILABLE:
            available = "little" if one.available is None else format_rounded(one.available)
            what = f"{available} available of {assigned}"
        case WhyShort.SHORT_GRANT:
            what = f"{format_rounded(one.missing)} of what was requested not granted, has {assigned}"
    also = ""
    if one.missing and one.why is not WhyShort.SHORT_GRANT:
        also = f"; {format_rounded(one.missing)} of what was requested not granted"
    host = "" if one.host is None else f" on {one.host}"
    return f"{one.vm}{host}: {what}, for {length} (since {format_time(one.since)}){also}"
