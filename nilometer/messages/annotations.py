"""What people added to recorded changes later: the reason, the ticket, and who approved it."""

from __future__ import annotations

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from domain.observed.events import Observed, VmAnnotated
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader
from nilometer.views.log import Filter


def read_annotation(ledger: LedgerReader, envelope: Envelope[Event]) -> VmAnnotated:
    """All that was added to an event: of each part the last. It has the correlation of that event."""
    merged = VmAnnotated(about=envelope.version)
    kind, id = split_stream(envelope.stream)
    if kind != "vm" or not isinstance(envelope.event, Observed):
        return merged
    for found in ledger.views.log(Filter(vm=id, correlation=envelope.metadata.correlation)):
        if isinstance(found, UnreadableEvent) or not isinstance(found.event, VmAnnotated):
            continue
        added = found.event
        if added.about == envelope.version:
            merged = VmAnnotated(
                about=added.about,
                reason=added.reason or merged.reason,
                ticket=added.ticket or merged.ticket,
                approved_by=added.approved_by or merged.approved_by,
            )
    return merged
