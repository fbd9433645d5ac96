"""One host or VM as its events leave it, and when it was last heard of: the fold of a single stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from domain import events
from domain.aggregates import HistoryError, HostAggregate, VmAggregate
from domain.envelope import Envelope
from domain.events import Event, HostEvent, HostRegistered, VmDefined, VmEvent

S = TypeVar("S")


@dataclass(slots=True)
class Tracked(Generic[S]):
    """A host or a VM, and when it was last heard of."""

    subject: S
    as_of: str
    """When the latest of its events happened: its figures are of that moment."""
    in_use_as_of: str | None = None
    """When the guest last told what it uses; ``None`` while it has told nothing in this session."""


TrackedVm = Tracked[VmAggregate]
TrackedHost = Tracked[HostAggregate]

_FORGETS_IN_USE: Final = (events.VmStarted, events.VmRebooted, events.VmStopped)


def advance_vm(tracked: TrackedVm | None, envelope: Envelope[Event]) -> TrackedVm:
    """The VM after the next event of its stream, changed in place; ``None`` is a VM before its first.

    Raises ``HistoryError`` if the event cannot follow.
    """
    event, happened = envelope.event, envelope.metadata.happened
    if tracked is None:
        if not isinstance(event, VmDefined):
            raise _cannot_begin(envelope)
        return Tracked(VmAggregate.begin(_id(envelope), event), happened)
    if not isinstance(event, VmEvent) or tracked.subject.removed:
        raise _cannot_follow(envelope)
    tracked.subject.apply(event)
    if isinstance(event, events.VmInUseReported):
        tracked.in_use_as_of = happened
    elif isinstance(event, _FORGETS_IN_USE):
        tracked.in_use_as_of = None
    tracked.as_of = max(tracked.as_of, happened)
    return tracked


def advance_host(tracked: TrackedHost | None, envelope: Envelope[Event]) -> TrackedHost:
    """The host after the next event of its stream, changed in place; ``None`` is a host before its first.

    Raises ``HistoryError`` if the event cannot follow.
    """
    event, happened = envelope.event, envelope.metadata.happened
    if tracked is None:
        if not isinstance(event, HostRegistered):
            raise _cannot_begin(envelope)
        return Tracked(HostAggregate.begin(_id(envelope), event), happened)
    if not isinstance(event, HostEvent) or tracked.subject.removed:
        raise _cannot_follow(envelope)
    tracked.subject.apply(event)
    tracked.as_of = max(tracked.as_of, happened)
    return tracked


def _id(envelope: Envelope[Event]) -> str:
    return envelope.stream.partition("/")[2]


def _cannot_begin(envelope: Envelope[Event]) -> HistoryError:
    return HistoryError(f"{_place(envelope)}: the stream cannot begin with {envelope.event.KIND}")


def _cannot_follow(envelope: Envelope[Event]) -> HistoryError:
    return HistoryError(f"{_place(envelope)}: {envelope.event.KIND} cannot follow on this stream")


def _place(envelope: Envelope[Event]) -> str:
    return f"event {envelope.id} at position {envelope.position}"
