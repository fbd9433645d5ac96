"""The fold of a single stream: one host or VM after its next event."""

from __future__ import annotations

from typing import Final, cast

from domain import events
from domain.aggregates import HistoryError, HostAggregate, VmAggregate
from domain.changes import apply_to_host, apply_to_vm, begin_host, begin_vm
from domain.envelope import Envelope
from domain.events import Event, HostEvent, HostRegistered, VmDefined, VmEvent
from domain.identifiers import host_id, subject_id, vm_id
from domain.observed.events import Observed
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from projections.tracked import AnyTracked, LastChange, States, Tracked, TrackedHost, TrackedVm

_FORGETS_IN_USE: Final = (events.VmStarted, events.VmRebooted, events.VmStopped)


def advance(states: States, envelope: Envelope[Event]) -> AnyTracked | None:
    """Applies an event to the host or VM of its stream, and returns it; ``None`` for a stream of another kind.

    Raises ``HistoryError`` if the event cannot follow.
    """
    stream = envelope.stream
    if vm_id(stream) is not None:
        states[stream] = advance_vm(cast("TrackedVm | None", states.get(stream)), envelope)
    elif host_id(stream) is not None:
        states[stream] = advance_host(cast("TrackedHost | None", states.get(stream)), envelope)
    return states.get(stream)


def advance_vm(tracked: TrackedVm | None, envelope: Envelope[Event]) -> TrackedVm:
    """The VM after the next event of its stream, changed in place; ``None`` is a VM before its first.

    Raises ``HistoryError`` if the event cannot follow.
    """
    event, metadata = envelope.event, envelope.metadata
    if tracked is None:
        if isinstance(event, VmDefined):
            return Tracked(subject=begin_vm(subject_id(envelope.stream), event), as_of=metadata.happened)
        tracked = Tracked(subject=ObservedVm.begin(subject_id(envelope.stream)), as_of=metadata.happened)
    subject = tracked.subject
    before = _assigned(subject)
    if isinstance(subject, VmAggregate):
        if not isinstance(event, VmEvent) or subject.removed:
            raise _cannot_follow(envelope)
        apply_to_vm(subject, event)
        if isinstance(event, events.VmInUseReported):
            tracked.in_use_as_of = metadata.happened
        elif isinstance(event, _FORGETS_IN_USE):
            tracked.in_use_as_of = None
    else:
        if not isinstance(event, Observed):
            raise _cannot_follow(envelope)
        subject.apply(event, metadata.happened, metadata.earliest)
        tracked.in_use_as_of = None if subject.in_use is None else subject.measured.get("in_use")
    after = _assigned(subject)
    if after != before:
        tracked.last_change = LastChange(position=envelope.position, at=metadata.happened, before=before, after=after)
    tracked.as_of = max(tracked.as_of, metadata.happened)
    return tracked


def _assigned(subject: VmAggregate | ObservedVm) -> int | None:
    return subject.state.assigned if isinstance(subject, VmAggregate) else subject.assigned


def advance_host(tracked: TrackedHost | None, envelope: Envelope[Event]) -> TrackedHost:
    """The host after the next event of its stream, changed in place; ``None`` is a host before its first.

    Raises ``HistoryError`` if the event cannot follow.
    """
    event, metadata = envelope.event, envelope.metadata
    if tracked is None:
        if isinstance(event, HostRegistered):
            return Tracked(subject=begin_host(subject_id(envelope.stream), event), as_of=metadata.happened)
        tracked = Tracked(subject=ObservedHost.begin(subject_id(envelope.stream)), as_of=metadata.happened)
    subject = tracked.subject
    if isinstance(subject, HostAggregate):
        if not isinstance(event, HostEvent) or subject.removed:
            raise _cannot_follow(envelope)
        apply_to_host(subject, event)
    else:
        if not isinstance(event, Observed):
            raise _cannot_follow(envelope)
        subject.apply(event, metadata.happened, metadata.earliest)
    tracked.as_of = max(tracked.as_of, metadata.happened)
    return tracked


def _cannot_follow(envelope: Envelope[Event]) -> HistoryError:
    place = f"event {envelope.id} at position {envelope.position}"
    return HistoryError(f"{place}: {envelope.event.KIND} cannot stand there on this stream")
