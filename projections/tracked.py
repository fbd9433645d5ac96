"""One host or VM as its events leave it, and when it was last heard of: the fold of a single stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from domain import events
from domain.aggregates import HistoryError, HostAggregate, VmAggregate
from domain.envelope import Envelope
from domain.events import Event, HostEvent, HostRegistered, VmDefined, VmEvent
from domain.observed.events import Observed
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm

S = TypeVar("S")


@dataclass(slots=True)
class Tracked(Generic[S]):
    """A host or a VM, and when it was last heard of."""

    subject: S
    as_of: str
    """When the latest of its events happened: its figures are of that moment."""
    in_use_as_of: str | None = None
    """When the guest last told what it uses; ``None`` while that is unknown."""


TrackedVm = Tracked[VmAggregate | ObservedVm]
TrackedHost = Tracked[HostAggregate | ObservedHost]

_FORGETS_IN_USE: Final = (events.VmStarted, events.VmRebooted, events.VmStopped)


def advance_vm(tracked: TrackedVm | None, envelope: Envelope[Event]) -> TrackedVm:
    """The VM after the next event of its stream, changed in place; ``None`` is a VM before its first.

    Raises ``HistoryError`` if the event cannot follow.
    """
    event, said = envelope.event, envelope.metadata
    if tracked is None:
        if isinstance(event, VmDefined):
            return Tracked(VmAggregate.begin(_id(envelope), event), said.happened)
        tracked = Tracked(ObservedVm.begin(_id(envelope)), said.happened)
    subject = tracked.subject
    if isinstance(subject, VmAggregate):
        if not isinstance(event, VmEvent) or subject.removed:
            raise _cannot_follow(envelope)
        subject.apply(event)
        if isinstance(event, events.VmInUseReported):
            tracked.in_use_as_of = said.happened
        elif isinstance(event, _FORGETS_IN_USE):
            tracked.in_use_as_of = None
    else:
        if not isinstance(event, Observed):
            raise _cannot_follow(envelope)
        subject.apply(event, said.happened, said.earliest)
        tracked.in_use_as_of = None if subject.in_use is None else subject.measured.get("in_use")
    tracked.as_of = max(tracked.as_of, said.happened)
    return tracked


def advance_host(tracked: TrackedHost | None, envelope: Envelope[Event]) -> TrackedHost:
    """The host after the next event of its stream, changed in place; ``None`` is a host before its first.

    Raises ``HistoryError`` if the event cannot follow.
    """
    event, said = envelope.event, envelope.metadata
    if tracked is None:
        if isinstance(event, HostRegistered):
            return Tracked(HostAggregate.begin(_id(envelope), event), said.happened)
        tracked = Tracked(ObservedHost.begin(_id(envelope)), said.happened)
    subject = tracked.subject
    if isinstance(subject, HostAggregate):
        if not isinstance(event, HostEvent) or subject.removed:
            raise _cannot_follow(envelope)
        subject.apply(event)
    else:
        if not isinstance(event, Observed):
            raise _cannot_follow(envelope)
        subject.apply(event, said.happened, said.earliest)
    tracked.as_of = max(tracked.as_of, said.happened)
    return tracked


def _id(envelope: Envelope[Event]) -> str:
    return envelope.stream.partition("/")[2]


def _cannot_follow(envelope: Envelope[Event]) -> HistoryError:
    place = f"event {envelope.id} at position {envelope.position}"
    return HistoryError(f"{place}: {envelope.event.KIND} cannot stand there on this stream")
