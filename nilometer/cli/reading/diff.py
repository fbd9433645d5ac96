"""``nilo diff``: what changed between two moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from domain.quantities import is_count
from domain.shapes import parse_size
from nilometer.cli.documents import to_document
from nilometer.cli.failures import NOT_IN_FULL, OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.reading.log import format_log_line
from nilometer.cli.reading.moments import complete_moment, parse_moment
from nilometer.cli.session import current_session
from nilometer.cli.vm_names import VmNames, ids_option
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.sizes import UNKNOWN, Unit, common_unit, format_size, format_sizes, plural
from nilometer.times import format_exact_time, format_time
from nilometer.views.tables import Moment
from projections.diff import Difference, FigureChange, attribute, difference
from projections.view import HostRow, View, VmRow, view


@click.command("diff")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything changed.")
@click.option("--least", metavar="SIZE", help="Only changes of this size or more; what is not a size stays.")
@ids_option
@common_options
def command(one: str, other: str, exit_code: bool, least: str | None) -> int:
    """Show what changed from moment A to moment B, and which events changed it. A moment is a position or a time.

    \b
    Examples:
      nilo diff 0 12
      nilo diff 2026-11-22 2026-11-23 --exit-code
    """
    session = current_session()
    out = Output(session.format)
    typed = parse_moment(one), parse_moment(other)
    least_size = 0 if least is None else parse_size(least)
    with session.reading() as ledger:
        first, second = (complete_moment(ledger, moment) for moment in typed)
        out.name = VmNames(ledger).put_in
        before, after = _build_view(ledger, first), _build_view(ledger, second)
        between = list(ledger.views.between(first, second))
        found = _leave_out(difference(before, after, between), least_size)
        if out.json:
            fleet = ledger.views.fleet_of(first if _is_earlier(before, after) else second)
            by = attribute(fleet, between)
            changes = [replace(change, by=by.get(change.path, ())) for change in found.changes]
            out.write_document(
                {
                    "from": {"position": before.position, "at": before.at},
                    "to": {"position": after.position, "at": after.at},
                    "changes": to_document(changes),
                    "left_out": len(found.small),
                    "positions": list(found.positions),
                }
            )
        else:
            out.write_line(f"From {_format_moment(before, first)} to {_format_moment(after, second)}")
            unit = common_unit(_list_sizes(found.changes))
            for change in found.changes:
                out.write_line(_format_change(change, unit))
            if not found.changes:
                out.write_line("Nothing changed.")
            if found.small:
                out.write_line(f"{plural(len(found.small), 'smaller change')} left out: less than {least}")
            for position in found.positions:
                (envelope,) = ledger.events(position - 1, position)
                out.write_line(f"by {format_log_line(envelope, unit)}")
    return NOT_IN_FULL if exit_code and found.changes else OK


def _is_earlier(one: View, other: View) -> bool:
    """Whether the events between two views lead from the one to the other."""
    return (one.at or "", one.position) <= (other.at or "", other.position)


def _leave_out(found: Difference, least: int) -> Difference:
    """A difference without the changes of sizes that are smaller."""
    small = [change for change in found.changes if _is_small(change, least)]
    kept = tuple(change for change in found.changes if change not in small)
    return replace(found, changes=kept, small=tuple(small))


def _is_small(change: FigureChange, least: int) -> bool:
    before, after = change.before, change.after
    if not _is_size(change) or not isinstance(before, int) or not isinstance(after, int):
        return False
    return abs(after - before) < least


def _build_view(ledger: LedgerReader, at: Moment) -> View:
    return view(ledger.views.fleet_of(at), at=at if isinstance(at, str) else None)


def _format_moment(view: View, moment: Moment) -> str:
    if view.at is None:
        return f"position {view.position}"
    time = format_exact_time(view.at) if isinstance(moment, str) else format_time(view.at)
    return f"position {view.position} ({time})"


def _is_size(change: FigureChange) -> bool:
    """Whether a figure in bytes changed."""
    values = [change.before, change.after]
    is_number = values != [None, None] and all(value is None or type(value) is int for value in values)
    return is_number and not is_count(change.path)


def _list_sizes(changes: Sequence[FigureChange]) -> Iterator[int | None]:
    """All sizes that are shown: one answer has one unit."""
    for change in changes:
        for value in (change.before, change.after):
            if isinstance(value, HostRow):
                yield from (value.total, value.free)
            elif isinstance(value, VmRow):
                yield value.assigned
            elif _is_size(change) and isinstance(value, int):
                yield value


def _format_change(change: FigureChange, unit: Unit) -> str:
    before, after = change.before, change.after
    if isinstance(before, HostRow | VmRow) and after is None:
        return f"{change.path}: gone"
    if isinstance(after, HostRow):
        total, free = format_sizes([after.total, after.free], unit)
        return f"{change.path}: new, total {total}, free {free}"
    if isinstance(after, VmRow):
        power, host = after.power or f"power {UNKNOWN}", after.host or UNKNOWN
        return f"{change.path}: new, {power} on {host}, assigned {format_size(after.assigned, unit)}"
    texts = [format_size(value, unit) if isinstance(value, int) else UNKNOWN for value in (before, after)]
    return f"{change.path}: {' -> '.join(texts if _is_size(change) else map(_format_value, (before, after)))}"


def _format_value(value: object) -> str:
    if value is None:
        return UNKNOWN
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
