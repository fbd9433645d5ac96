"""The host and VM aggregates: what the events of a decided stream add up to.

``domain.changes`` applies the events. Aggregates are mutable for the speed of replay; what the rules read (``state``)
is frozen. No event is imported here: a stored aggregate is read and shown without the classes of events.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import NilometerError
from domain.state import Group, Host, Site, Vm


class HistoryError(NilometerError):
    """Stored events that no aggregate can have: Nilometer did not write them, or somebody changed them afterwards."""


@dataclass(slots=True)
class VmAggregate:
    """A decided VM: its id, its host and its figures. ``version`` counts the events of its stream."""

    id: str
    name: str
    host: str
    state: Vm
    version: int = 1
    removed: bool = False


@dataclass(slots=True)
class HostAggregate:
    """A decided host: its account, and the book of what each VM on it holds. ``version`` counts its stream's events."""

    id: str
    state: Host
    book: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes held by VM id; no entry is 0."""
    version: int = 1
    removed: bool = False

    def entry(self, vm: str) -> int:
        """Bytes that the book holds for a VM."""
        return self.book.get(vm, 0)

    def site(self, vm: VmAggregate) -> Site:
        """What a command on ``vm`` reads of this host and of the VM."""
        return Site(host=self.state, vm=vm.state, entry=self.entry(vm.id))


@dataclass(slots=True)
class GroupAggregate:
    """The book of a group of decided VMs: what they hold together. ``version`` counts the events of its stream.

    Its entries are not kept: each is what its VM holds.
    """

    id: str
    state: Group
    version: int = 0
