"""What a command reads. It is loaded before the command is decided, and the decision depends on nothing else."""

from __future__ import annotations

from typing import Protocol, TypeVar

from domain import commands
from domain.aggregates import GroupAggregate, HostAggregate, VmAggregate
from domain.commands import Command
from domain.deciding.breaches import PolicyReads
from domain.deciding.enforced import EnforcedPolicy, needs_of
from domain.identifiers import StreamName, group_stream, host_stream, vm_stream
from domain.record import Record, record
from domain.replacing import replace

R = TypeVar("R")


@record()
class Reads(Record):
    """The aggregates that a command reads. What a command does not read is ``None``."""

    vm: VmAggregate | None = None
    """The VM that the command names."""
    host: HostAggregate | None = None
    """The host that the VM is on, or that the command names."""
    destination: HostAggregate | None = None
    """The host that ``move-vm`` moves the VM to. It may be the host that the VM is on."""
    taken: bool = False
    """Whether the id that ``define-vm`` or ``register-host`` gives was ever used."""
    vms: int | None = None
    """How many VMs, running or not, are on the host of ``remove-host``."""
    policies: tuple[EnforcedPolicy, ...] = ()
    """The policies that are adopted."""
    beside: tuple[VmAggregate, ...] = ()
    """The VMs on the hosts that were read, where a policy may be broken of others than the one that is named."""

    everyone: tuple[VmAggregate, ...] = ()
    """All VMs, where a policy may be broken of two together."""

    groups: tuple[GroupAggregate, ...] = ()
    """The books of the groups that the VM is in, of all policies over one that are adopted."""

    @property
    def for_policies(self) -> PolicyReads:
        """What was read, as policies are asked of it."""
        hosts = () if self.host is None else (self.host,)
        if self.destination is not None and self.destination is not self.host:
            hosts = (*hosts, self.destination)
        return PolicyReads(
            self.vm, hosts, self.beside, self.everyone, self.groups
        )  # by position: each command does this

    @property
    def streams(self) -> set[StreamName]:
        """The streams of the aggregates that were read."""
        streams: set[StreamName] = set()
        if self.vm is not None:
            streams.add(vm_stream(self.vm.id))
        if self.host is not None:
            streams.add(host_stream(self.host.id))
        if self.destination is not None:
            streams.add(host_stream(self.destination.id))
        for group in self.groups:
            streams.add(group_stream(group.id))
        return streams


class Aggregates(Protocol):
    """The decided VMs and hosts, from which ``load`` takes what a command reads: a ledger, or memory."""

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id, not removed. Raises ``UnknownVm``, or another ``InputError``."""
        ...

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id, not removed. Raises ``UnknownHost``, or another ``InputError``."""
        ...

    def is_taken(self, stream: StreamName) -> bool:
        """Whether a stream of this name ever began: an id is never used again."""
        ...

    def count_vms(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        ...

    def vms_on(self, host: str) -> list[VmAggregate]:
        """The VMs, running or not, that are on a host."""
        ...

    def all_vms(self) -> list[VmAggregate]:
        """All VMs, running or not."""
        ...

    def group(self, policy: EnforcedPolicy) -> GroupAggregate:
        """The book of the group of a policy."""
        ...

    @property
    def policies(self) -> tuple[EnforcedPolicy, ...]:
        """The policies that are adopted, in the order of their names."""
        ...


def load(command: Command, aggregates: Aggregates) -> Reads:
    """Loads what a command reads. Raises ``InputError`` for a VM or host that is not there."""
    policies = aggregates.policies
    reads = _load(command, aggregates, policies)
    if not policies:
        return reads
    needs, vm = needs_of(policies, type(command)), reads.vm
    of_groups = [policy for policy in needs.groups if vm is not None and policy.has_vm(vm.id, vm.name)]
    if not needs.beside and not of_groups:
        return reads
    beside: tuple[VmAggregate, ...] = ()
    if needs.beside:
        hosts = {host.id for host in (reads.host, reads.destination) if host is not None}
        beside = tuple(vm for host in sorted(hosts) for vm in aggregates.vms_on(host))
    everyone = tuple(aggregates.all_vms()) if needs.everyone else ()
    groups = tuple([aggregates.group(policy) for policy in of_groups])
    return replace(reads, beside=beside, everyone=everyone, groups=groups)


def _load(command: Command, aggregates: Aggregates, policies: tuple[EnforcedPolicy, ...]) -> Reads:
    match command:
        case commands.RegisterHost():
            return Reads(taken=aggregates.is_taken(host_stream(command.host)), policies=policies)
        case commands.DefineVm():
            return Reads(
                host=aggregates.host(command.host), taken=aggregates.is_taken(vm_stream(command.vm)), policies=policies
            )
        case commands.RemoveHost():
            return Reads(host=aggregates.host(command.host), vms=aggregates.count_vms(command.host), policies=policies)
        case commands.ResizeHost() | commands.SetReserve():
            return Reads(host=aggregates.host(command.host), policies=policies)
        case commands.MoveVm():
            vm = aggregates.vm(command.vm)
            return Reads(
                vm=vm, host=aggregates.host(vm.host), destination=aggregates.host(command.to), policies=policies
            )
        case _:
            vm = aggregates.vm(command.vm)
            return Reads(vm=vm, host=aggregates.host(vm.host), policies=policies)


def loaded(read: R | None) -> R:
    """What was loaded for a command that reads it. Raises ``TypeError`` if it was not: that is a bug of the caller."""
    if read is None:
        raise TypeError("the command reads what was not loaded for it")
    return read


def named_streams(command: Command) -> set[StreamName]:
    """The streams of the VM and the hosts that a command names. The host that a VM is on is not named."""
    match command:
        case commands.RegisterHost() | commands.ResizeHost() | commands.SetReserve() | commands.RemoveHost():
            return {host_stream(command.host)}
        case commands.DefineVm():
            return {vm_stream(command.vm), host_stream(command.host)}
        case commands.MoveVm():
            return {vm_stream(command.vm), host_stream(command.to)}
        case _:
            return {vm_stream(command.vm)}
