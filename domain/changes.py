"""The table of what events change: the rule of each, and the aggregates that the events of a stream add up to."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Final, Generic, TypeVar

from domain import events, evolve, policy_events
from domain.aggregates import HistoryError, HostAggregate, VmAggregate
from domain.events import Event, HostEvent, HostFigures, HostRegistered, VmDefined, VmEvent, VmFigures
from domain.record import Record, record
from domain.rule import rule
from domain.state import Host, Vm

S = TypeVar("S")


@record()
class StateChange(Record, Generic[S]):
    """How one kind of event changes a state: a rule, and the names of the figures that it takes from the event."""

    rule: Callable[..., S]
    carries: tuple[str, ...]

    def apply(self, state: S, event: Event) -> S:
        """The state after ``event``. Raises ``HistoryError`` if the event does not carry what changed."""
        try:
            return self.rule(state, *[getattr(event, name) for name in self.carries])
        except TypeError:  # an amount that is not there
            raise HistoryError(f"a {event.KIND} event does not carry what it changed") from None


def state_change(rule: Callable[..., S]) -> StateChange[S]:
    """The change that a rule makes. The first parameter of the rule is the state; the event carries the others."""
    return StateChange(rule, tuple(signature(rule).parameters)[1:])


VM_CHANGES: Final[dict[type[VmEvent], StateChange[Vm]]] = {
    events.VmMemoryConfigured: state_change(evolve.memory_configured),
    events.VmGuestConfigured: state_change(evolve.guest_configured),
    events.VmStarted: state_change(evolve.booted),
    events.VmRebooted: state_change(evolve.booted),
    events.VmRestored: state_change(evolve.running_again),
    events.VmStopped: state_change(evolve.stopped),
    events.VmSaved: state_change(evolve.saved),
    events.VmPaused: state_change(evolve.paused),
    events.VmResumed: state_change(evolve.running_again),
    events.VmInUseReported: state_change(evolve.in_use_told),
    events.VmMemoryAdded: state_change(evolve.memory_added),
    events.VmMemoryRemoved: state_change(evolve.memory_removed),
    events.VmMoved: state_change(evolve.unchanged),
    events.VmRemoved: state_change(evolve.unchanged),
    events.VmCommandRefused: state_change(evolve.unchanged),
    policy_events.VmMemoryAddedWithinPolicy: state_change(evolve.memory_added),
    policy_events.VmMemoryRemovedWithinPolicy: state_change(evolve.memory_removed),
    policy_events.VmRefusedByPolicy: state_change(evolve.unchanged),
}
"""What each event of a VM's stream after the first changes."""

HOST_CHANGES: Final[dict[type[HostEvent], StateChange[Host]]] = {
    events.HostResized: state_change(evolve.host_resized),
    events.HostReserveSet: state_change(evolve.reserve_set),
    events.HostMemoryGranted: state_change(evolve.granted_to_vm),
    events.HostMemoryReturned: state_change(evolve.returned_by_vm),
    events.HostRemoved: state_change(evolve.host_unchanged),
    events.HostCommandRefused: state_change(evolve.host_unchanged),
    policy_events.HostRefusedByPolicy: state_change(evolve.host_unchanged),
}
"""What each event of a host's stream after the first changes."""

ENTRY_CHANGES: Final[dict[type[HostEvent], Callable[[int, int], int]]] = {
    events.HostMemoryGranted: evolve.entry_granted,
    events.HostMemoryReturned: evolve.entry_returned,
}
"""What an event changes in the host's book entry for the VM that it names."""


def begin_vm(id: str, event: VmDefined) -> VmAggregate:
    """A VM as its first event leaves it."""
    state = evolve.vm_defined(event.generation, event.guest, event.config_version, event.memory)
    return VmAggregate(id=id, name=event.name, host=event.host, state=state)


def apply_to_vm(vm: VmAggregate, event: VmEvent, after: Vm | None = None) -> None:
    """Applies the next event of the stream. Raises ``HistoryError`` if it cannot follow.

    ``after`` is the state after the event, if the event was decided just now and that is known.
    """
    changes = VM_CHANGES.get(type(event))
    if changes is None or vm.removed:
        raise HistoryError(f"{event.KIND} cannot follow on the stream of VM {vm.id!r}")
    vm.state = changes.apply(vm.state, event) if after is None else after
    vm.version += 1
    if isinstance(event, events.VmMoved):
        vm.host = event.destination
    elif isinstance(event, events.VmRemoved):
        vm.removed = True


def begin_host(id: str, event: HostRegistered) -> HostAggregate:
    """A host as its first event leaves it."""
    return HostAggregate(id=id, state=evolve.host_registered(event.total, event.reserve, event.version))


def apply_to_host(host: HostAggregate, event: HostEvent) -> None:
    """Applies the next event of the stream. Raises ``HistoryError`` if it cannot follow."""
    changes = HOST_CHANGES.get(type(event))
    if changes is None or host.removed:
        raise HistoryError(f"{event.KIND} cannot follow on the stream of host {host.id!r}")
    host.state = changes.apply(host.state, event)
    host.version += 1
    if isinstance(event, events.HostMemoryGranted | events.HostMemoryReturned):
        entry = ENTRY_CHANGES[type(event)](host.entry(event.vm), event.bytes)
        if entry == 0:
            host.book.pop(event.vm, None)
        else:
            host.book[event.vm] = entry
    elif isinstance(event, events.HostRemoved):
        host.removed = True


@rule
def vm_figures(vm: Vm) -> VmFigures:
    """A VM's figures as events carry them."""
    return VmFigures(  # by position: every event has two of these
        vm.power,
        vm.session,
        vm.memory.startup,
        vm.assigned,
        vm.visible,
        vm.ballooned,
        vm.in_use,
        vm.paged_out,
        vm.high_watermark,
        vm.hot_pluggable,
    )


@rule
def host_figures(host: Host) -> HostFigures:
    """A host's figures as events carry them."""
    return HostFigures(host.total, host.reserve, host.free, host.held)  # by position, as in ``vm_figures``
