"""What somebody asked for, and what came of it: at once where Nilometer decides, later and in parts elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from domain.observed.events import VmChangeRequested, VmObserved, VmRequestSettled
from domain.observed.vm import ObservedVm
from nilometer.ledger.ledger import Ledger
from nilometer.messages.events import describe, describe_arguments, describe_request, describe_settlement
from nilometer.messages.sizes import format_part, format_size
from nilometer.times import duration, seconds_between
from projections.timeline import TimelineEntry, entry

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
"""An id that nobody knows by heart."""


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """One thing that was asked for. ``came`` are its settlements, in order, each in words."""

    entry: TimelineEntry
    subject: str
    """The VM or host, as people call it."""
    what: str
    came: tuple[str, ...]


def summarize(ledger: Ledger, envelope: Envelope[Event]) -> RequestSummary:
    """What an event that tells of a request came to. Raises no error where that is not known yet."""
    told = entry(envelope)
    kind, id = split_stream(envelope.stream)
    subject = id if kind == "vm" else told.vm or f"host {id}"
    event = envelope.event
    if isinstance(event, VmObserved):
        return RequestSummary(
            told, _name_of(ledger, envelope.stream) or subject, "nobody told what", (f"failed: {event.told}",)
        )
    if not isinstance(event, VmChangeRequested):
        return RequestSummary(told, subject, _what(told, envelope), (_granted(told),))
    if _GUID.search(id):
        subject = _name_of(ledger, envelope.stream) or subject
    came = [_came(envelope, each) for each in find_settlements(ledger, envelope, event)]
    if not came:
        came = ["refused by the hypervisor" if not event.accepted else "nothing was told of what came of it"]
    return RequestSummary(told, subject, describe_request(event), tuple(came))


def find_settlements(
    ledger: Ledger, envelope: Envelope[Event], request: VmChangeRequested
) -> Iterator[Envelope[VmRequestSettled]]:
    """The settlements of a request, in order: the last of them counts."""
    for later in ledger.stream(envelope.stream, after=envelope.version):
        event = later.event
        if isinstance(event, VmRequestSettled) and event.request == request.request:
            yield Envelope(later.stream, later.version, event, later.metadata, later.position)
            if not event.still_open:
                return


def _name_of(ledger: Ledger, stream: str) -> str | None:
    """What an observed VM is called."""
    tracked = ledger.views.load(stream)
    return tracked.subject.name if tracked is not None and isinstance(tracked.subject, ObservedVm) else None


def _what(told: TimelineEntry, envelope: Envelope[Event]) -> str:
    command = told.command or describe(envelope)
    if told.requested is not None:
        return f"{command} {format_size(told.requested)}"
    wanted = describe_arguments(envelope.event)
    return f"{command} {wanted}" if wanted else command


def _granted(told: TimelineEntry) -> str:
    amount = "" if told.requested is None else f", {format_part(told.granted, told.requested)}"
    return f"{told.outcome}{amount}{f' ({told.code})' if told.code else ''}"


def _came(asked_for: Envelope[Event], settled: Envelope[VmRequestSettled]) -> str:
    after = seconds_between(asked_for.metadata.happened, settled.metadata.happened)
    return f"after {duration(max(after, 0))}: {describe_settlement(settled.event)}"
