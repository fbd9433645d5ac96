"""What would make a command possible that a full host refuses: at most two steps, each tried by the decider.

Arithmetic proposes and the decider disposes: an option is shown only if every step of it, and then the command, is
completed in a copy of the ledger's state. The copy holds what the steps can touch, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Final

from domain.commands import NAMES, Command, MoveVm, Reclaim, RemoveMemory, SetReserve, Stop
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.reads import load, named_streams
from domain.deciding.world import World
from domain.decision import Outcome
from domain.errors import InputError
from domain.identifiers import host_stream, split_stream
from domain.quantities import QUANTUM, down
from domain.settings import Mode
from domain.state import Power

MOST_TRIED: Final = 2_000
"""Pairs of steps that are tried at most."""
_DONE: Final = (Outcome.COMPLETED, Outcome.DONE)
_ORDER: Final = ("remove-memory", "reclaim", "move-vm", "set-reserve", "stop")
"""Kinds of steps, from the gentlest on."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One command of an option, and the bytes that it gives to the host."""

    command: Command
    gives: int

    @property
    def name(self) -> str:
        """The name of the command."""
        return NAMES[type(self.command)]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps after which the command would be completed."""

    steps: tuple[PlanStep, ...]


@dataclass(frozen=True, slots=True)
class Plans:
    """The options that were found, fewest steps first."""

    found: tuple[Plan, ...]
    reachable: int
    """The most that all steps together could give to the host, in bytes."""
    needed: int
    """The bytes that the host lacks."""
    is_all: bool = True
    """Whether all pairs were tried."""


@dataclass(frozen=True, slots=True)
class _Giver:
    """Something that can give memory to the host: up to ``most``, or exactly that if it is ``whole``."""

    subject: str
    kind: str
    most: int
    whole: bool
    make: Callable[[int], Command]

    def give(self, amount: int) -> PlanStep:
        """The step that gives so much, or all if it cannot be divided."""
        given = self.most if self.whole else amount
        return PlanStep(self.make(given), given)


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
    return World(vms=vms, hosts=hosts, begun=set(world.begun))


def try_command(world: World, command: Command) -> Answer:
    """Decides a command, and changes nothing. Raises ``InputError``."""
    return decide(command, load(command, world))


def find_options(
    world: World, command: Command, host: str, target: str, needed: int, *, without: Iterable[str] = ()
) -> Plans:
    """Finds what would give ``needed`` more bytes to a host, so that a command on the VM ``target`` is completed there.

    ``without`` names the kinds of steps that are not wanted.
    """
    unwanted = frozenset(without)
    givers = [giver for giver in _find_givers(world, host, target) if giver.kind not in unwanted]
    best: dict[str, int] = {}
    for giver in givers:
        best[giver.subject] = max(best.get(giver.subject, 0), giver.most)
    reachable = sum(best.values())
    found: list[Plan] = []
    amount = -(-needed // QUANTUM) * QUANTUM
    alone = [giver for giver in givers if giver.most >= needed]
    for giver in _unlike(alone):
        found += _keep(world, command, (giver.give(min(amount, giver.most)),))
    is_all = True
    if reachable >= needed:
        weak = [giver for giver in givers if giver.most < needed]
        tried, seen = 0, set[tuple[object, ...]]()
        for one, other in combinations(sorted(weak, key=_rank), 2):
            if one.subject == other.subject or one.most + other.most < needed:
                continue
            likeness = (one.kind, one.most, other.kind, other.most)
            if likeness in seen:
                continue
            if tried >= MOST_TRIED:
                is_all = False
                break
            seen.add(likeness)
            tried += 1
            first, second = (one, other) if one.whole or not other.whole else (other, one)
            step = first.give(first.most)
            rest = -(-(needed - step.gives) // QUANTUM) * QUANTUM
            found += _keep(world, command, (step, second.give(min(rest, second.most))))
    if "move-vm" not in unwanted and not isinstance(command, MoveVm):
        found += _elsewhere(world, command, host, target)
    found.sort(
        key=lambda option: (
            len(option.steps),
            [_ORDER.index(step.name) for step in option.steps if step.name in _ORDER],
        )
    )
    return Plans(found=tuple(found), reachable=reachable, needed=needed, is_all=is_all)


def _rank(giver: _Giver) -> tuple[int, int]:
    return _ORDER.index(giver.kind), -giver.most


def _unlike(givers: Iterable[_Giver]) -> Iterator[_Giver]:
    """One of each: VMs that can give the same in the same way are interchangeable."""
    seen: set[tuple[str, int]] = set()
    for giver in sorted(givers, key=_rank):
        likeness = (giver.kind, giver.most if giver.whole else -1)
        if giver.whole and likeness in seen:
            continue
        seen.add(likeness)
        yield giver


def _find_givers(world: World, host: str, target: str) -> Iterator[_Giver]:
    for vm in sorted(world.vms.values(), key=lambda vm: vm.id):
        held = world.hosts[host].entry(vm.id)
        if vm.host != host or vm.id == target or not held:
            continue
        id = vm.id
        if vm.state.power is Power.RUNNING:
            kind = RemoveMemory if vm.state.memory.mode is Mode.STATIC else Reclaim
            granted = try_command(world, kind(id, max(QUANTUM, down(vm.state.assigned)))).granted
            if granted:
                yield _Giver(subject=id, kind=NAMES[kind], most=granted, whole=False, make=partial(kind, id))
        for other in sorted(world.hosts.values(), key=lambda other: -other.state.free):
            if other.id != host and try_command(world, MoveVm(id, other.id)).outcome is Outcome.DONE:
                move = partial(_always, MoveVm(id, other.id))
                yield _Giver(subject=id, kind="move-vm", most=held, whole=True, make=move)
                break
        yield _Giver(subject=id, kind="stop", most=held, whole=True, make=partial(_always, Stop(id)))
    reserve = world.hosts[host].state.reserve
    if reserve:
        lower = partial(_lower_reserve, host, reserve)
        yield _Giver(subject=f"reserve of {host}", kind="set-reserve", most=reserve, whole=False, make=lower)


def _always(command: Command, _: int) -> Command:
    return command


def _lower_reserve(host: str, reserve: int, amount: int) -> Command:
    return SetReserve(host, reserve - amount)


def _keep(world: World, command: Command, steps: tuple[PlanStep, ...]) -> list[Plan]:
    """The option, if the decider completes its steps and then the command."""
    copy = copy_world(world, [*(step.command for step in steps), command])
    try:
        done = all(copy.execute(step.command).outcome in _DONE for step in steps)
        return [Plan(steps)] if done and copy.execute(command).outcome in _DONE else []
    except InputError:
        return []


def _elsewhere(world: World, command: Command, host: str, target: str) -> list[Plan]:
    """The VM moved to another host, where the command is completed."""
    if target not in world.vms or world.vms[target].host != host:
        return []
    found: list[Plan] = []
    for other in sorted(world.hosts.values(), key=lambda other: -other.state.free):
        if other.id != host:
            found += _keep(world, command, (PlanStep(MoveVm(target, other.id), world.hosts[host].entry(target)),))
    return found
