"""One change of a VM: the VM's event, and the events that it causes on the streams of its hosts."""

from __future__ import annotations

from dataclasses import dataclass

from domain import events
from domain.events import VmEvent
from domain.evolve import book_change
from domain.state import Vm
from rules.judging.collector import EventRef
from rules.judging.decided.records import BookEvent
from rules.judging.decided.tracks import DecidedHostState, DecidedVmState


@dataclass(slots=True)
class ExpectedBookEvent:
    """The event of a change that a host's stream must have next."""

    host: str
    kind: type[BookEvent]
    bytes: int


@dataclass(slots=True)
class PendingChange:
    """A change of a VM of which some events are still to be read."""

    ref: EventRef
    vm: DecidedVmState
    expected: list[ExpectedBookEvent]
    in_scope: bool
    has_findings: bool
    left_host: DecidedHostState | None = None
    """The host that the VM left, if this is a move."""


def expected_book_events(event: VmEvent, host: str, before: Vm, after: Vm) -> list[ExpectedBookEvent]:
    """The events on hosts that must follow a VM's event."""
    if isinstance(event, events.VmMoved):
        returned = ExpectedBookEvent(host, events.HostMemoryReturned, before.held)
        return [returned, ExpectedBookEvent(event.destination, events.HostMemoryGranted, before.held)]
    change = 0 if after is before else book_change(before, after)
    if change > 0:
        return [ExpectedBookEvent(host, events.HostMemoryGranted, change)]
    return [ExpectedBookEvent(host, events.HostMemoryReturned, -change)] if change < 0 else []
