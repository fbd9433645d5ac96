"""What can give memory to a host: a VM that has more than it uses, one that moves away or stops, the host's reserve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from domain.commands import NAMES, Command, MoveVm, Reclaim, RemoveMemory, SetReserve, Stop
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.reads import load, named_streams
from domain.deciding.world import World
from domain.identifiers import host_stream, split_stream
from domain.quantities import QUANTUM, down
from domain.settings import Mode
from domain.state import Power
from nilometer.planning.keeping import Keeper

GENTLEST_FIRST: Final = ("remove-memory", "reclaim", "move-vm", "set-reserve", "stop")
"""Kinds of steps, from the gentlest on."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One command of a plan, and the bytes that it gives to a host."""

    command: Command
    gives: int

    @property
    def name(self) -> str:
        """The name of the command."""
        return NAMES[type(self.command)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """Something that can give memory to a host: up to ``most``, or exactly that if it is ``whole``."""

    kind: str
    subject: str
    """The VM, or the host whose reserve it is."""
    host: str
    """The host that is given to."""
    most: int
    likeness: object
    """Givers with equal ones are interchangeable."""
    to: str | None = None
    """Where a VM moves."""
    reserve: int = 0
    """What the host's reserve is."""

    @property
    def whole(self) -> bool:
        """Whether it gives all or nothing."""
        return self.kind in ("move-vm", "stop")

    def give(self, amount: int) -> PlanStep:
        """The step that gives so much, or all if it cannot be divided."""
        given = self.most if self.whole else amount
        return PlanStep(self._command(given), given)

    def _command(self, amount: int) -> Command:
        match self.kind:
            case "remove-memory":
                return RemoveMemory(self.subject, amount)
            case "reclaim":
                return Reclaim(self.subject, amount)
            case "set-reserve":
                return SetReserve(self.subject, self.reserve - amount)
            case "move-vm" if self.to is not None:
                return MoveVm(self.subject, self.to)
            case _:
                return Stop(self.subject)


def copy_world(world: World, commands: Iterable[Command]) -> World:
    """A copy of a state that these commands may change: what they do not touch is shared."""
    touched = {stream for command in commands for stream in named_streams(command)}
    vms, hosts = dict(world.vms), dict(world.hosts)
    for stream in touched:
        kind, id = split_stream(stream)
        if kind == "vm" and id in vms:
            vms[id] = replace(vms[id])
            touched = touched | {host_stream(vms[id].host)}
    for stream in touched:
        kind, id = split_stream(stream)
        if kind == "host" and id in hosts:
            hosts[id] = replace(hosts[id], book=dict(hosts[id].book))
    return World(vms=vms, hosts=hosts, begun=set(world.begun), policies=world.policies)


def try_command(world: World, command: Command) -> Answer:
    """Decides a command, and changes nothing. Raises ``InputError``."""
    return decide(command, load(command, world))


def find_givers(world: World, host: str, target: str, unwanted: frozenset[str], keeper: Keeper) -> list[Giver]:
    """What can give to a host, without moves: VMs but for the one that asks, and the reserve. The most first."""
    book = world.hosts[host].book
    found = [
        giver
        for vm in sorted(book)
        if vm != target and vm in world.vms
        for giver in (*find_takes(world, vm, host, keeper), *_find_stops(world, vm, host))
    ]
    reserve = world.hosts[host].state.reserve
    if reserve:
        found.append(Giver(kind="set-reserve", subject=host, host=host, most=reserve, likeness=host, reserve=reserve))
    wanted = [giver for giver in found if giver.kind not in unwanted and giver.most > 0]
    return sorted(wanted, key=lambda giver: (-giver.most, GENTLEST_FIRST.index(giver.kind), giver.subject))


def find_takes(world: World, vm: str, host: str, keeper: Keeper) -> Iterator[Giver]:
    """What can be taken from a running VM: what its guest does not use, as the rules grant it. It goes to ``host``."""
    state = world.vms[vm].state
    if state.power is not Power.RUNNING or not state.in_use_reported:
        return
    kind = RemoveMemory if state.memory.mode is Mode.STATIC else Reclaim
    granted = try_command(world, kind(vm, max(QUANTUM, down(state.assigned)))).granted or 0
    unused = down(max(0, min(granted, state.available)))  # an old Windows would page out what it uses
    if unused and keeper.limits_vms:
        unused = _find_most_kept(world, kind, vm, unused, keeper)
    if unused:
        yield Giver(kind=NAMES[kind], subject=vm, host=host, most=unused, likeness=likeness_of(world, vm))


def _find_most_kept(world: World, kind: type[RemoveMemory | Reclaim], vm: str, unused: int, keeper: Keeper) -> int:
    """The most that can be taken from a VM with all policies kept, in whole units of 2 MiB."""
    enough, too_much = 0, unused // QUANTUM + 1
    while too_much - enough > 1:
        middle = (too_much + enough) // 2
        command = kind(vm, middle * QUANTUM)
        after = copy_world(world, [command])
        after.execute(command)
        if keeper.find_broken(world, after, command) is None:
            enough = middle
        else:
            too_much = middle
    return enough * QUANTUM


def _find_stops(world: World, vm: str, host: str) -> Iterator[Giver]:
    held = world.hosts[host].entry(vm)
    yield Giver(kind="stop", subject=vm, host=host, most=held, likeness=likeness_of(world, vm))


def find_move(world: World, vm: str, to: str) -> Giver:
    """A VM that moves from its host to another."""
    host = world.vms[vm].host
    held = world.hosts[host].entry(vm)
    return Giver(kind="move-vm", subject=vm, host=host, most=held, likeness=likeness_of(world, vm), to=to)


def likeness_of(world: World, vm: str) -> object:
    """What VMs have in common that are interchangeable: the host and every figure."""
    return world.vms[vm].host, world.vms[vm].state
