"""``nilo diff``: what changed between two moments."""

from __future__ import annotations

from typing import Any

import click

from nilometer.cli.documents import document
from nilometer.cli.failures import NOT_IN_FULL, OK
from nilometer.cli.options import common
from nilometer.cli.output import Output
from nilometer.cli.reading.log import log_line
from nilometer.cli.reading.moments import moment
from nilometer.cli.session import current_session
from nilometer.ledger.ledger import Ledger
from nilometer.messages.sizes import UNKNOWN, format_size, format_sizes
from nilometer.times import shown
from nilometer.views.views import Moment
from projections.diff import FigureChange, difference
from projections.view import HostRow, View, VmRow, view

_NO_SIZES = ("session", "generation", "buffer", "weight")


@click.command("diff")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything changed.")
@common
def command(one: str, other: str, exit_code: bool) -> int:
    """Show what changed from moment A to moment B, and which events did it. A moment is a position or a time.

    \b
    Examples:
      nilo diff 0 12
      nilo diff 2026-11-22 2026-11-23 --exit-code
    """
    session = current_session()
    out = Output(session.format)
    first, second = moment(one), moment(other)
    with session.reading() as ledger:
        before, after = _view(ledger, first), _view(ledger, second)
        found = difference(before, after, ledger.views.between(first, second))
        if out.json:
            out.document(
                {
                    "from": {"position": before.position, "at": before.at},
                    "to": {"position": after.position, "at": after.at},
                    "changes": document(found.changes),
                    "positions": list(found.positions),
                }
            )
        else:
            out.line(f"From {_moment(before)} to {_moment(after)}")
            for change in found.changes:
                out.line(_line(change))
            if not found.changes:
                out.line("Nothing changed.")
            for position in found.positions:
                (envelope,) = ledger.events(position - 1, position)
                out.line(f"by {log_line(envelope)}")
    return NOT_IN_FULL if exit_code and found.changes else OK


def _view(ledger: Ledger, at: Moment) -> View:
    return view(ledger.views.fleet_of(at), at=at if isinstance(at, str) else None)


def _moment(seen: View) -> str:
    return f"position {seen.position}" + (f" ({shown(seen.at)})" if seen.at else "")


def _line(change: FigureChange) -> str:
    if isinstance(change.before, HostRow | VmRow) or isinstance(change.after, HostRow | VmRow):
        return f"{change.path}: {'gone' if change.after is None else 'new'}{_begins(change.after)}"
    name = change.path.rpartition(".")[2]
    sizes = [value for value in (change.before, change.after) if value is None or type(value) is int]
    if name not in _NO_SIZES and len(sizes) == 2:
        return f"{change.path}: {' -> '.join(format_sizes(sizes))}"
    return f"{change.path}: {_value(change.before)} -> {_value(change.after)}"


def _begins(row: Any) -> str:
    if isinstance(row, HostRow):
        return f", total {format_size(row.total)}, free {format_size(row.free)}"
    if isinstance(row, VmRow):
        return f", {row.power or UNKNOWN} on {row.host or UNKNOWN}, assigned {format_size(row.assigned)}"
    return ""


def _value(value: object) -> str:
    if value is None:
        return UNKNOWN
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
