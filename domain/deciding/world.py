"""Decided hosts and VMs in memory: commands are decided on them without a database."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.aggregates import GroupAggregate, HostAggregate, VmAggregate
from domain.changes import apply_to_host, apply_to_vm, begin_host, begin_vm
from domain.commands import Command
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.enforced import EnforcedPolicy, sum_group
from domain.deciding.reads import load
from domain.errors import UnknownHost, UnknownVm
from domain.events import Event, HostEvent, HostRegistered, HostRemoved, VmDefined, VmEvent, VmRemoved
from domain.identifiers import StreamName, subject_id
from domain.policy_events import GroupEvent


@dataclass(slots=True)
class World:
    """A ``domain.deciding.reads.Aggregates`` in memory."""

    vms: dict[str, VmAggregate] = field(default_factory=dict[str, VmAggregate])
    """The VMs that are there, by id."""
    hosts: dict[str, HostAggregate] = field(default_factory=dict[str, HostAggregate])
    """The hosts that are there, by id."""
    begun: set[StreamName] = field(default_factory=set[StreamName])
    """Every stream that ever began."""
    policies: tuple[EnforcedPolicy, ...] = ()
    """The policies that are adopted, in the order of their names."""

    def vm(self, id: str) -> VmAggregate:
        """The VM with this id. Raises ``UnknownVm``."""
        if id not in self.vms:
            raise UnknownVm(id)
        return self.vms[id]

    def host(self, id: str) -> HostAggregate:
        """The host with this id. Raises ``UnknownHost``."""
        if id not in self.hosts:
            raise UnknownHost(id)
        return self.hosts[id]

    def is_taken(self, stream: StreamName) -> bool:
        """Whether a stream of this name ever began."""
        return stream in self.begun

    def count_vms(self, host: str) -> int:
        """How many VMs are on a host."""
        return sum(vm.host == host for vm in self.vms.values())

    def vms_on(self, host: str) -> list[VmAggregate]:
        """The VMs that are on a host."""
        return [vm for vm in self.vms.values() if vm.host == host]

    def all_vms(self) -> list[VmAggregate]:
        """All VMs."""
        return list(self.vms.values())

    def group(self, policy: EnforcedPolicy) -> GroupAggregate:
        """What the VMs of the group of a policy hold together."""
        return sum_group(policy, self.vms.values())

    def execute(self, command: Command) -> Answer:
        """Decides a command and applies its events. Raises ``InputError``, and then nothing changes."""
        answer = decide(command, load(command, self))
        for stream, event in answer.events:
            self.apply_event(stream, event)
        return answer

    def apply_event(self, stream: StreamName, event: Event) -> None:
        """Applies the next event of a stream. Raises ``HistoryError`` if it cannot follow."""
        self.begun.add(stream)
        id = subject_id(stream)
        match event:
            case VmDefined():
                self.vms[id] = begin_vm(id, event)
            case HostRegistered():
                self.hosts[id] = begin_host(id, event)
            case VmEvent():
                apply_to_vm(self.vm(id), event)
            case HostEvent():
                apply_to_host(self.host(id), event)
            case GroupEvent():
                pass  # its total is what the VMs hold
            case _:
                raise TypeError(f"{event.KIND} is not an event of a decided host or VM")
        if isinstance(event, VmRemoved):
            del self.vms[id]
        elif isinstance(event, HostRemoved):
            del self.hosts[id]
