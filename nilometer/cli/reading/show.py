"""``nilo show``: one change as a story."""

from __future__ import annotations

import click

from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Decided, Event
from nilometer.cli.failures import OK
from nilometer.cli.names import resolve_named, resolve_vm
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.reading.moments import parse_position
from nilometer.cli.session import current_session
from nilometer.cli.vm_names import VmNames, ids_option
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import envelope_to_cloudevent
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.stories import group_by_change, tell_change
from nilometer.views.log import Filter


@click.command("show")
@click.argument("change", metavar="POSITION|CORRELATION|VM|HOST")
@ids_option
@common_options
def command(change: str) -> int:
    """Show one change in full: the state before, the request, its outcome, and its events on all streams.

    Of a VM or host it is the newest change that somebody requested.

    \b
    Examples:
      nilo show web01
      nilo show CHG-2041 --format json
    """
    session = current_session()
    out = Output(session.format)
    with session.reading() as ledger:
        out.name = VmNames(ledger).put_in
        found = _find(ledger, change)
        if out.json:
            out.write_document([envelope_to_cloudevent(envelope, ledger.id) for envelope in found])
            return OK
        for number, events in enumerate(group_by_change(found)):
            if number:
                out.write_line()
            for line in tell_change(events):
                out.write_line(line)
    return OK


def _find(ledger: LedgerReader, change: str) -> list[Envelope[Event]]:
    """The events of a change, by the position of one of them or by their correlation."""
    last = ledger.position
    if change.isascii() and change.isdecimal() and 0 < parse_position(change) <= last:
        event = next(ledger.events(parse_position(change) - 1, parse_position(change)), None)
        if event is None:
            raise InputError(f"the event at position {change} is missing", hint="nilo audit says what is missing")
        return _find_together(ledger, event)
    for correlation in (change, _with_id(ledger, change)):
        found = _read(ledger, Filter(correlation=correlation))
        if found:
            return found
    try:
        named = resolve_named(ledger, change)
    except InputError as error:
        names = error.hint if error.hint.startswith("did you mean") else None
        raise InputError(
            f"there is no event at position {change} and no correlation, VM or host {change!r}; "
            f"the last event is at {last}",
            hint=names or "nilo log shows positions, nilo log --format json shows correlations",
        ) from None
    newest = _read(ledger, Filter(vm=named.vm, host=named.host, asked=True), 1)
    newest = newest or _read(ledger, Filter(vm=named.vm, host=named.host), 1)
    return _find_together(ledger, *newest)


def _with_id(ledger: LedgerReader, correlation: str) -> str:
    """The correlation of an observed request, such as ``web01/3``, with the id in place of the VM's name."""
    vm, slash, number = correlation.rpartition("/")
    try:
        return f"{resolve_vm(ledger, vm)}/{number}" if slash and number.isdecimal() else correlation
    except InputError:
        return correlation


def _find_together(ledger: LedgerReader, event: Envelope[Event]) -> list[Envelope[Event]]:
    """All events of the change that an event belongs to."""
    together = _read(ledger, Filter(correlation=event.metadata.correlation))
    if not isinstance(event.event, Decided):
        return together
    root = event.metadata.causation or event.id
    return [envelope for envelope in together if root in (envelope.id, envelope.metadata.causation)]


def _read(ledger: LedgerReader, wanted: Filter, limit: int | None = None) -> list[Envelope[Event]]:
    """The events that are wanted. Raises ``UnreadableEvent`` for one that cannot be read: the story would lack it."""
    found: list[Envelope[Event]] = []
    for event in ledger.views.log(wanted, limit):
        if isinstance(event, UnreadableEvent):
            raise event
        found.append(event)
    return found
