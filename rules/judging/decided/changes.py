"""A decision on a VM and its events: the VM's own, and the halves of it that the streams of hosts have to get."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain import events
from domain.envelope import Envelope
from domain.events import Event, VmEvent
from domain.evolve import book_change
from domain.identifiers import subject_id
from domain.state import Vm
from rules.judging.collector import Where
from rules.judging.decided.records import Half
from rules.judging.decided.tracks import HostTrack, VmTrack


@dataclass(slots=True)
class Due:
    """The other half of a change: an event that a host's stream has to get next."""

    host: str
    kind: type[Half]
    bytes: int


@dataclass(slots=True)
class Change:
    """A decision on a VM, until the last of its events was read."""

    where: Where
    vm: VmTrack
    due: list[Due]
    asked: bool
    broken: bool
    """Something was found of it."""
    left: HostTrack | None = field(default=None)
    """Of a move, the host that the VM left."""


def due_of(event: VmEvent, host: str, before: Vm, after: Vm) -> list[Due]:
    """The host's halves that have to follow a VM's event."""
    if isinstance(event, events.VmMoved):
        returned = Due(host, events.HostMemoryReturned, before.held)
        return [returned, Due(event.destination, events.HostMemoryGranted, before.held)]
    change = 0 if after is before else book_change(before, after)
    if change > 0:
        return [Due(host, events.HostMemoryGranted, change)]
    return [Due(host, events.HostMemoryReturned, -change)] if change < 0 else []


def id_of(envelope: Envelope[Event]) -> str:
    """The id of the host or VM that an event is about."""
    return subject_id(envelope.stream)
