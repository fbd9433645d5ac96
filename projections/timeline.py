"""The timeline: what each event tells an auditor. Sizes are bytes; ``None`` is unknown, or not said."""

from __future__ import annotations

from dataclasses import dataclass

from domain import events
from domain.decision import Code, Outcome
from domain.envelope import Envelope
from domain.events import Event, HostEvent, VmEvent
from domain.identifiers import split_stream
from domain.observed.events import FAILED_JOB, ObservedCode, VmChangeRequested, VmObserved, VmRequestSettled


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about, and how it ended."""

    vm: str | None = None
    host: str | None = None
    command: str | None = None
    outcome: Outcome | None = None
    code: Code | ObservedCode | None = None
    requested: int | None = None
    granted: int | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event as the audit trail lists it."""

    position: int
    stream: str
    version: int
    kind: str
    vm: str | None
    host: str | None
    """The host that it concerns; of a VM's event the host that the VM then was on, of a move the one it came to."""
    happened: str
    earliest: str | None
    """The beginning of the interval in which it happened, exclusive; ``None`` if ``happened`` is the moment."""
    recorded: str
    actor: str
    via: str
    reason: str | None
    correlation: str
    command: str | None
    outcome: Outcome | None
    code: Code | ObservedCode | None
    requested: int | None
    granted: int | None
    asked: bool
    """Somebody asked for it: true of one event a command, the one on the stream that the command names."""


def entry(envelope: Envelope[Event], host: str | None = None) -> TimelineEntry:
    """The entry of one event. ``host`` is where its VM is, if that is known: events of observed VMs do not say it."""
    said, about = envelope.metadata, subject(envelope)
    return TimelineEntry(
        position=envelope.position,
        stream=envelope.stream,
        version=envelope.version,
        kind=envelope.event.KIND,
        vm=about.vm,
        host=about.host or host,
        happened=said.happened,
        earliest=said.earliest,
        recorded=said.recorded,
        actor=said.actor,
        via=said.via,
        reason=said.reason,
        correlation=said.correlation,
        command=about.command,
        outcome=about.outcome,
        code=about.code,
        requested=about.requested,
        granted=about.granted,
        asked=about.asked,
    )


def subject(envelope: Envelope[Event]) -> Subject:
    """What an event is about."""
    event = envelope.event
    kind, id = split_stream(envelope.stream)
    match event:
        case VmEvent():
            return Subject(
                id,
                _host_of(event),
                event.command,
                event.outcome,
                event.code,
                event.requested,
                event.granted,
                asked=True,
            )
        case events.HostMemoryGranted() | events.HostMemoryReturned():
            return Subject(event.vm, id, event.command, event.outcome, event.code)
        case HostEvent():
            return Subject(_vm_of(event), id, event.command, event.outcome, event.code, asked=True)
        case VmChangeRequested():
            return Subject(id, requested=event.amount, asked=True)
        case VmObserved() if event.label == FAILED_JOB:
            return Subject(id, outcome=Outcome.FAILED, asked=True)
        case VmRequestSettled():
            return Subject(id, None, None, event.outcome, event.code, event.amount, event.granted)
        case _:
            return Subject(vm=id if kind == "vm" else None, host=id if kind == "host" else None)


def _host_of(event: VmEvent) -> str | None:
    if isinstance(event, events.VmMoved):
        return event.destination
    read = event.evidence.host
    return None if read is None else read.id


def _vm_of(event: HostEvent) -> str | None:
    """The VM whose definition was refused: that is recorded on the host."""
    if isinstance(event, events.HostCommandRefused):
        vm = event.arguments.get("vm")
        return vm if isinstance(vm, str) else None
    return None
