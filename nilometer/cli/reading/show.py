"""``nilo show``: one change as a story."""

from __future__ import annotations

import click

from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Decided, Event
from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.reading.moments import parse_position
from nilometer.cli.session import current_session
from nilometer.history.cloudevents import envelope_to_cloudevent
from nilometer.ledger.reader import LedgerReader
from nilometer.messages.stories import group_by_change, tell_change
from nilometer.views.log import Filter


@click.command("show")
@click.argument("change", metavar="POSITION|CORRELATION")
@common_options
def command(change: str) -> int:
    """Show one change in full: the state before, the request, its outcome, and its events on all streams.

    \b
    Examples:
      nilo show 7
      nilo show CHG-2041 --format json
    """
    session = current_session()
    out = Output(session.format)
    with session.reading() as ledger:
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
        (event,) = ledger.events(parse_position(change) - 1, parse_position(change))
        together = list(ledger.views.log(Filter(correlation=event.metadata.correlation)))
        if not isinstance(event.event, Decided):
            return together
        root = event.metadata.causation or event.id
        return [envelope for envelope in together if root in (envelope.id, envelope.metadata.causation)]
    found = list(ledger.views.log(Filter(correlation=change)))
    if not found:
        raise InputError(
            f"there is no event at position {change} and no correlation {change!r}; the last event is at {last}",
            hint="nilo log shows positions, nilo log --format json shows correlations",
        )
    return found
