"""What people added to recorded changes later: the reason, the ticket, and who approved it."""

from __future__ import annotations

import re
from typing import Final

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from domain.observed.events import Observed, VmAnnotated, VmChangeRequested
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import LedgerReader
from nilometer.views.log import Filter

_OWN_CORRELATION: Final = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}|.*#([0-9]+|end)", re.DOTALL)
"""What ties the events of a request together if nobody gave it another: the key of its command, or its record."""


def has_ticket(envelope: Envelope[Event], annotation: VmAnnotated | None) -> bool:
    """Whether a ticket was added to a request, or it was made under one: its correlation is not one of ours."""
    if annotation is not None and annotation.ticket:
        return True
    event, correlation = envelope.event, envelope.metadata.correlation
    if isinstance(event, VmChangeRequested) and correlation == f"{split_stream(envelope.stream)[1]}/{event.request}":
        return False
    return _OWN_CORRELATION.fullmatch(correlation) is None


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
