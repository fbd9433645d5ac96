"""``nilo log``: the audit trail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import click

from domain.decision import Outcome
from domain.envelope import Envelope
from domain.events import Event
from domain.observed.words import UNKNOWN_ACTOR
from nilometer.cli.documents import to_document
from nilometer.cli.failures import OK, Mistyped, say
from nilometer.cli.following import wait_for_more
from nilometer.cli.interrupts import interruptible
from nilometer.cli.names import EMPTY, Named, list_vm_names, resolve_actor, resolve_host, resolve_named, resolve_vm
from nilometer.cli.options import table_options
from nilometer.cli.output import Output
from nilometer.cli.reading.log_lines import event_to_line, first_of_commands, first_of_rows, rows_to_lines
from nilometer.cli.reading.log_moments import show_moments
from nilometer.cli.reading.log_selection import ALL, LogSelection, find_streams
from nilometer.cli.reading.log_table import COLUMNS, format_event, format_row
from nilometer.cli.session import current_session, read_typed_time
from nilometer.cli.vm_names import VmNames, ids_option
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import unreadable_to_document
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.events import describe
from nilometer.messages.provenance import describe_origin, describe_reason, describe_time
from nilometer.messages.request_records import read_request
from nilometer.messages.requests import summarize
from nilometer.messages.sizes import Unit
from nilometer.storage.reader import ReadEvent
from nilometer.views.log import Filter

OUTCOMES: Final = [outcome.value for outcome in Outcome]


MAX_EVENTS: Final = 3
"""The largest number of events of one command: a move writes on three streams."""


@click.command("log")
@click.argument("name", metavar="[VM|HOST]", required=False)
@click.option("-n", "count", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("--vm", metavar="VM", help="Only this VM.")
@click.option("--host", metavar="HOST", help="Only this host and its VMs.")
@click.option("--since", metavar="TIME", help="Only events at this time or later.")
@click.option("--until", metavar="TIME", help="Only events at this time or earlier; a day means its end.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only events with this outcome.")
@click.option("--actor", metavar="NAME", help="Only events by this user.")
@click.option("--reason", metavar="TEXT", help="Only events with this text in their reason.")
@click.option("--name", "part", metavar="TEXT", help="Only VMs and hosts with this text in their name or id.")
@click.option("--by-time", is_flag=True, help="Sort by when it happened, not by when it was recorded.")
@click.option("--follow", is_flag=True, help="Then show each new event, until Ctrl-C.")
@click.option("--asked", "only_asked", is_flag=True, help="Only requests, each with its outcomes.")
@click.option("--nobody", is_flag=True, help="With --asked: only requests that nobody is named for.")
@click.option("--moments", is_flag=True, help="Only moments: the position and the events of each command.")
@click.option("--no-ticket", is_flag=True, help="With --asked: only requests without a ticket.")
@ids_option
@table_options
def command(
    name: str | None,
    count: int | None,
    vm: str | None,
    host: str | None,
    since: str | None,
    until: str | None,
    outcome: str | None,
    actor: str | None,
    reason: str | None,
    part: str | None,
    by_time: bool,
    follow: bool,
    only_asked: bool,
    nobody: bool,
    moments: bool,
    no_ticket: bool,
) -> int:
    """List what happened, newest last: one line per command. As JSON or CSV: one line per event.

    With --asked, JSON has one object per request; with --moments, one per command or observation: a view at its
    position shows all of it, never half a command.

    \b
    Examples:
      nilo log web01 -n 20
      nilo log --asked --since yesterday --outcome partially-completed
    """
    session = current_session()
    if (nobody or no_ticket) and not only_asked:
        raise Mistyped(f"{'--nobody' if nobody else '--no-ticket'} needs --asked", hint="add --asked")
    if moments and (only_asked or follow):
        raise Mistyped("--moments goes with neither --asked nor --follow", hint="leave one of them out")
    if nobody and actor is not None:
        raise Mistyped("--nobody does not go with --actor", hint="leave one of them out")
    out = Output(session.format)
    since = None if since is None else read_typed_time(since)
    until = None if until is None else read_typed_time(until, end=True)
    if name is not None and (vm is not None or host is not None):
        raise Mistyped(f"{name!r} and {'--vm' if vm is not None else '--host'} both choose", hint="give one of them")
    with session.reading() as ledger:
        out.name = VmNames(ledger).put_in
        named = Named() if name is None else resolve_named(ledger, name)
        count = None if count is None or count > ledger.position else count
        wanted = Filter(
            vm=named.vm if vm is None else resolve_vm(ledger, vm),
            host=named.host if host is None else resolve_host(ledger, host),
            since=since,
            until=until,
            outcome=None if outcome is None else Outcome(outcome),
            actor=UNKNOWN_ACTOR if nobody else None if actor is None else resolve_actor(ledger, actor),
            asked=only_asked,
        )
        selection = LogSelection(
            wanted=wanted,
            reason=reason,
            streams=None if part is None else find_streams(ledger, part),
            by_time=by_time,
            without_ticket=no_ticket,
        )
        if moments:
            show_moments(out, selection.find(ledger, None), count)
            return OK
        show = _shower(out, ledger, only_asked=only_asked)
        last, is_empty = ledger.position, True
        if out.json and selection == ALL and count is None:
            for line in rows_to_lines(ledger.rows(), ledger.id):
                out.write_history_line(line)
        else:
            for event in _list(out, ledger, selection, count):
                is_empty = False
                show(event)
        if is_empty and not follow and out.format in ("human", "plain"):
            out.write_line("No matching events." if ledger.position else EMPTY)
        if follow:
            _follow(out, ledger, selection, last, show)
    return OK


def _list(out: Output, ledger: LedgerReader, selection: LogSelection, count: int | None) -> Iterator[ReadEvent]:
    """Lists the events; for people one of each command: of those that are wanted, the one that was recorded first."""
    if out.format not in ("human", "plain") and not selection.wanted.asked:
        return selection.find(ledger, count)
    if selection == ALL and count is None:
        return first_of_rows(ledger.rows())
    found = selection.find(ledger, None if count is None else count * MAX_EVENTS)
    first = first_of_commands(found)
    return iter(first if count is None else deque(first, maxlen=count))


def _shower(out: Output, ledger: LedgerReader, *, only_asked: bool) -> Callable[[ReadEvent], None]:
    """A function that shows an event in the format that was asked for."""

    def show_for_people(event: ReadEvent) -> None:
        if isinstance(event, UnreadableEvent):
            out.write_line(f"#{event.position} {event.id}: cannot be read: {event.why}")
            return
        for line in summarize(ledger, event).lines() if only_asked else [format_log_line(event)]:
            out.write_line(line)

    def show_as_csv(event: ReadEvent) -> None:
        if isinstance(event, UnreadableEvent):
            say("error", f"#{event.position} {event.id}: cannot be read: {event.why}")
        else:
            out.write_cells(format_event(event, out.name))

    if out.json and only_asked:
        names = list_vm_names(ledger.views.fleet())
        return lambda event: out.write_event(
            unreadable_to_document(event, ledger.id)
            if isinstance(event, UnreadableEvent)
            else to_document(read_request(ledger, event, names))
        )
    if out.json:
        return lambda event: out.write_history_line(event_to_line(event, ledger.id))
    if out.format == "csv":
        out.write_cells(format_row(COLUMNS))
        return show_as_csv
    return show_for_people


def _follow(
    out: Output, ledger: LedgerReader, selection: LogSelection, last: int, show: Callable[[ReadEvent], None]
) -> None:
    """Shows what is recorded from now on, until Ctrl-C."""
    out.flush()
    say("note", "waiting for more (Ctrl-C ends)")
    with interruptible() as check_interrupt, suppress(KeyboardInterrupt):
        while True:
            upto = ledger.position
            if upto > last:
                found = selection.find_after(ledger, last)
                for event in first_of_commands(found) if out.format in ("human", "plain") else found:
                    show(event)
                    upto = max(upto, event.position)
                out.flush()
                last = upto
            wait_for_more()
            check_interrupt()


def format_log_line(envelope: Envelope[Event], unit: Unit | None = None) -> str:
    """Describes a command, or an observation, in one line."""
    metadata = envelope.metadata
    head = f"#{envelope.position} {describe_time(metadata)} · {describe_origin(envelope)}"
    return f"{head}: {describe(envelope, unit)}{describe_reason(metadata)}"
