"""The Host and Vm aggregates: what a decided stream's events, applied in order, come to.

They are mutable for the speed of replay; what the rules read (``state``) is frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Final, Generic, TypeVar

from domain import events, evolve
from domain.errors import NilometerError
from domain.events import Event, HostEvent, HostFigures, HostRegistered, VmDefined, VmEvent, VmFigures
from domain.state import Host, Site, Vm


def vm_figures(vm: Vm) -> VmFigures:
    """A VM's figures as events carry them."""
    return VmFigures(
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


def host_figures(host: Host) -> HostFigures:
    """A host's figures as events carry them."""
    return HostFigures(host.total, host.reserve, host.free, host.held)


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class StateChange(Generic[S]):
    """How a kind of event changes a state: a rule, and the figures it takes, by their names in the event."""

    rule: Callable[..., S]
    carries: tuple[str, ...]

    def apply(self, state: S, event: Event) -> S:
        """The state after ``event``. Raises ``HistoryError`` if the event does not carry what changed."""
        try:
            return self.rule(state, *[getattr(event, name) for name in self.carries])
        except TypeError:  # an amount that is not there
            raise HistoryError(f"a {event.KIND} event does not carry what it changed") from None


def state_change(rule: Callable[..., S]) -> StateChange[S]:
    """The change that a rule makes: its first parameter is the state, the others are carried by the event."""
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
}
"""What each event of a VM's stream after the first changes."""

HOST_CHANGES: Final[dict[type[HostEvent], StateChange[Host]]] = {
    events.HostResized: state_change(evolve.host_resized),
    events.HostReserveSet: state_change(evolve.reserve_set),
    events.HostMemoryGranted: state_change(evolve.granted_to_vm),
    events.HostMemoryReturned: state_change(evolve.returned_by_vm),
    events.HostRemoved: state_change(evolve.host_unchanged),
    events.HostCommandRefused: state_change(evolve.host_unchanged),
}
"""What each event of a host's stream after the first changes."""

ENTRY_CHANGES: Final[dict[type[HostEvent], Callable[[int, int], int]]] = {
    events.HostMemoryGranted: evolve.entry_granted,
    events.HostMemoryReturned: evolve.entry_returned,
}
"""What an event changes in the host's book entry for the VM that it names."""


class HistoryError(NilometerError):
    """Stored events that no aggregate can have: they were not written by Nilometer, or were changed afterwards."""


@dataclass(slots=True)
class VmAggregate:
    """A decided VM: who it is, the host that it is on, and its figures. ``version`` counts the events of its stream."""

    id: str
    name: str
    host: str
    state: Vm
    version: int = 1
    removed: bool = False

    @staticmethod
    def begin(id: str, event: VmDefined) -> VmAggregate:
        """A VM as its first event leaves it."""
        state = evolve.vm_defined(event.generation, event.guest, event.config_version, event.memory)
        return VmAggregate(id, event.name, event.host, state)

    def apply(self, event: VmEvent, after: Vm | None = None) -> None:
        """Lets the next event of the stream happen. Raises ``HistoryError`` if it cannot follow.

        ``after`` is what the event comes to, if it was decided just now and that is known.
        """
        changes = VM_CHANGES.get(type(event))
        if changes is None or self.removed:
            raise HistoryError(f"{event.KIND} cannot follow on the stream of VM {self.id!r}")
        self.state = changes.apply(self.state, event) if after is None else after
        self.version += 1
        if isinstance(event, events.VmMoved):
            self.host = event.destination
        elif isinstance(event, events.VmRemoved):
            self.removed = True


@dataclass(slots=True)
class HostAggregate:
    """A decided host: its account, and the book of what each VM on it holds. ``version`` counts its stream's events."""

    id: str
    state: Host
    book: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes held by VM id; no entry is 0."""
    version: int = 1
    removed: bool = False

    @staticmethod
    def begin(id: str, event: HostRegistered) -> HostAggregate:
        """A host as its first event leaves it."""
        return HostAggregate(id, evolve.host_registered(event.total, event.reserve, event.version))

    def apply(self, event: HostEvent) -> None:
        """Lets the next event of the stream happen. Raises ``HistoryError`` if it cannot follow."""
        changes = HOST_CHANGES.get(type(event))
        if changes is None or self.removed:
            raise HistoryError(f"{event.KIND} cannot follow on the stream of host {self.id!r}")
        self.state = changes.apply(self.state, event)
        self.version += 1
        if isinstance(event, events.HostMemoryGranted | events.HostMemoryReturned):
            entry = ENTRY_CHANGES[type(event)](self.entry(event.vm), event.bytes)
            if entry == 0:
                self.book.pop(event.vm, None)
            else:
                self.book[event.vm] = entry
        elif isinstance(event, events.HostRemoved):
            self.removed = True

    def entry(self, vm: str) -> int:
        """Bytes that the book holds for a VM."""
        return self.book.get(vm, 0)

    def site(self, vm: VmAggregate) -> Site:
        """What a command on ``vm`` reads of this host and of the VM."""
        return Site(self.state, vm.state, self.entry(vm.id))
