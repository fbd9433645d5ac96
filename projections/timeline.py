"""The timeline: what each event tells an auditor. Sizes are bytes; ``None`` is unknown, or not metadata."""

from __future__ import annotations

from domain import events
from domain.decision import Code, Outcome
from domain.envelope import Envelope
from domain.events import Event, HostEvent, VmEvent
from domain.identifiers import split_stream
from domain.observed.events import VmChangeRequested, VmObserved, VmRequestSettled
from domain.observed.words import FAILED_JOB, ObservedCode
from domain.record import Record, record


@record()
class Subject(Record):
    """What an event is about, and how it ended."""

    vm: str | None = None
    host: str | None = None
    command: str | None = None
    outcome: Outcome | None = None
    code: Code | ObservedCode | None = None
    requested: int | None = None
    granted: int | None = None
    asked: bool = False


@record()
class TimelineEntry(Record):
    """One event as the audit trail lists it."""

    position: int
    stream: str
    version: int
    kind: str
    vm: str | None
    host: str | None
    """The host that it concerns: for an event of a VM its host at that time, for a move the destination."""
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
    """Whether it records a request: true for one event of each command, on the stream that the command names."""


def entry(envelope: Envelope[Event], host: str | None = None) -> TimelineEntry:
    """The entry of one event. ``host`` is the host of its VM, if known: events of observed VMs do not record it."""
    metadata, about = envelope.metadata, subject(envelope)
    return TimelineEntry(
        position=envelope.position,
        stream=envelope.stream,
        version=envelope.version,
        kind=envelope.event.KIND,
        vm=about.vm,
        host=about.host or host,
        happened=metadata.happened,
        earliest=metadata.earliest,
        recorded=metadata.recorded,
        actor=metadata.actor,
        via=metadata.via,
        reason=metadata.reason,
        correlation=metadata.correlation,
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
                vm=id,
                host=_host_of(event),
                command=event.command,
                outcome=event.outcome,
                code=event.code,
                requested=event.requested,
                granted=event.granted,
                asked=True,
            )
        case events.HostMemoryGranted() | events.HostMemoryReturned():
            return Subject(vm=event.vm, host=id, command=event.command, outcome=event.outcome, code=event.code)
        case HostEvent():
            return Subject(
                vm=_vm_of(event), host=id, command=event.command, outcome=event.outcome, code=event.code, asked=True
            )
        case VmChangeRequested():
            return Subject(vm=id, requested=event.amount, asked=True)
        case VmObserved() if event.label == FAILED_JOB:
            return Subject(vm=id, outcome=Outcome.FAILED, asked=True)
        case VmRequestSettled():
            return Subject(vm=id, outcome=event.outcome, code=event.code, requested=event.amount, granted=event.granted)
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
