"""Whether a command would be granted, why not, and what would make it possible. Nothing is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.aggregates import HostAggregate, VmAggregate
from domain.commands import AddMemory, Command, Grow, MoveVm, RebootGuest, Restore, SetMemory, Start
from domain.deciding.answer import Answer
from domain.deciding.enforced import EnforcedPolicy
from domain.deciding.world import World
from domain.decision import Code, Outcome
from domain.identifiers import StreamName, host_stream, split_stream, subject_id, vm_stream
from domain.policy_events import BY_POLICY
from domain.settings import Mode, cap
from domain.state import Vm
from nilometer.planning.givers import copy_world, try_command
from nilometer.planning.keeping import BrokenPolicy, Keeper
from nilometer.planning.options import Plans, find_options
from projections.fleet import Fleet
from rules.policies.policy import Policy


class CanAnswer(StrEnum):
    """Whether a command would be granted."""

    YES = "yes"
    PARTLY = "partly"
    NOT_NOW = "not-now"
    """Not as things are; something else would have to change first."""
    NEVER = "never"
    """Over a limit that no command changes."""
    UNKNOWN = "unknown"
    """What it depends on is not known, or too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Possibility:
    """The answer to a question about a decided VM or host. Sizes are bytes."""

    command: Command
    decided: Answer
    answer: CanAnswer
    holders: Mapping[str, int] = field(default_factory=dict[str, int])
    """Who holds the memory of the host that is full, the largest first."""
    host: str | None = None
    """The host that is full."""
    free: int | None = None
    """What it has left."""
    broken: BrokenPolicy | None = None
    """The policy to be kept that would not be."""
    limit: int | None = None
    """The most that such a VM can have on any host that is there, where more is asked for."""
    options: Plans | None = None
    """What would make it possible; ``None`` where no memory is missing."""

    @property
    def code(self) -> Code | None:
        """Why it would not be granted in full."""
        return self.decided.code


def world_of(fleet: Fleet, taken: Iterable[StreamName] = (), *, policies: tuple[EnforcedPolicy, ...] = ()) -> World:
    """The decided hosts and VMs of a fleet, and the policies that are adopted."""
    vms = {id: tracked.subject for id, tracked in fleet.vms.items() if isinstance(tracked.subject, VmAggregate)}
    hosts = {id: tracked.subject for id, tracked in fleet.hosts.items() if isinstance(tracked.subject, HostAggregate)}
    begun = {*taken, *map(vm_stream, vms), *map(host_stream, hosts)}
    return World(vms=vms, hosts=hosts, begun=begun, policies=policies)


def ask(
    world: World, command: Command, *, within: int = 2, without: Iterable[str] = (), keep: Sequence[Policy] = ()
) -> Possibility:
    """Asks whether a command would be granted; if a host is full, also what would make it possible.

    Options have at most ``within`` steps, and none makes one of the policies worse that are to be kept. Raises
    ``InputError`` for a VM or host that is not there.
    """
    decided = try_command(world, command)
    limit = _find_limit_exceeded(world, command)
    if limit is not None:
        return Possibility(command=command, decided=decided, answer=CanAnswer.NEVER, limit=limit)
    answer, keeper = _ANSWERS[decided.outcome], Keeper(keep)
    broken = _find_refusing(decided) or _find_broken(world, command, keeper)
    if broken is not None and decided.code is not Code.POLICY:
        answer = CanAnswer.NOT_NOW
    if decided.code is not Code.INSUFFICIENT_HOST_MEMORY and (broken is None or not isinstance(command, _NEEDING)):
        return Possibility(command=command, decided=decided, answer=answer, broken=broken)
    vm = world.vms[subject_id(decided.target)]  # only commands on VMs need memory of a host
    host = world.hosts[command.to if isinstance(command, MoveVm) else vm.host]
    needed = _needs(command, vm.state, host.entry(vm.id)) - keeper.free(world, host.id)
    return Possibility(
        command=command,
        decided=decided,
        answer=answer,
        broken=broken,
        holders=dict(sorted(host.book.items(), key=lambda entry: (-entry[1], entry[0]))),
        host=host.id,
        free=host.state.free,
        options=find_options(world, command, host.id, vm.id, needed, within=within, without=without, keeper=keeper),
    )


def _find_refusing(decided: Answer) -> BrokenPolicy | None:
    """The adopted policy because of which a command is not granted in full."""
    for _, event in decided.events:
        if isinstance(event, BY_POLICY) and event.policies:
            read = event.policies[0]
            kind, id = split_stream(read.subject)
            return BrokenPolicy(read.policy, read.sentence, f"the group {id}" if kind == "group" else id)
    return None


def _find_broken(world: World, command: Command, keeper: Keeper) -> BrokenPolicy | None:
    """The policy that a command would break, or make worse."""
    if not keeper:
        return None
    after = copy_world(world, [command])
    after.execute(command)
    return keeper.find_broken(world, after, command)


_NEEDING: Final = (AddMemory, Grow, SetMemory, Start, RebootGuest, Restore, MoveVm)
"""Commands that need memory of a host."""
_ANSWERS: Final = {
    Outcome.COMPLETED: CanAnswer.YES,
    Outcome.DONE: CanAnswer.YES,
    Outcome.PARTIALLY_COMPLETED: CanAnswer.PARTLY,
    Outcome.FAILED: CanAnswer.NOT_NOW,
    Outcome.REJECTED: CanAnswer.NOT_NOW,
}


def _find_limit_exceeded(world: World, command: Command) -> int | None:
    """The most that a VM can have on any host that is there, if a command asks for more than that."""
    if not isinstance(command, AddMemory | SetMemory):
        return None
    vm = world.vms[command.vm].state
    size = command.size if isinstance(command, SetMemory) else vm.assigned + command.amount
    limit = max(cap(vm.generation, host.state.version) for host in world.hosts.values())
    return limit if vm.memory.mode is Mode.STATIC and size > limit else None


def _needs(command: Command, vm: Vm, entry: int) -> int:
    """What a command needs of its host, in bytes, beyond what the VM holds of it."""
    match command:
        case AddMemory() | Grow():
            return command.amount
        case SetMemory():
            return command.size - vm.assigned
        case Start():
            return vm.memory.startup
        case RebootGuest():
            return vm.memory.startup - entry
        case Restore() | MoveVm():
            return vm.assigned
        case _:
            return 0
