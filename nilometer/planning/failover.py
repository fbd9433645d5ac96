"""Whether every VM of a host that fails finds a place on the others. Memory only: no processors, no storage.

VMs start anew elsewhere, so each needs its startup memory: what a static VM has, what a dynamic one starts with. Three
answers are proofs: there is room whatever the order; there is a placement, which is shown; there is none. What the
search does not find out within its budget is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.deciding.world import World
from domain.identifiers import UtcTime
from domain.settings import cap
from domain.state import Power

BUDGET: Final = 100_000
"""Placements of a single VM that are tried."""


FIGURES: Final = "figures"


class Failover(StrEnum):
    """What becomes of the VMs of a host that fails."""

    ALWAYS = "whatever-the-order"
    """Each finds a place, in whatever order they start and wherever they are put."""
    PLACED = "if-placed"
    """Each finds a place, if they are placed well."""
    NO = "no"
    """There is no place for all."""
    UNKNOWN = "unknown"
    """The search ended before it knew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverAnswer:
    """The answer for one host. Sizes are bytes."""

    host: str
    answer: Failover
    needed: Mapping[str, int]
    """What each of its VMs needs elsewhere, the largest first."""
    free: Mapping[str, int]
    """What each other host has left."""
    placement: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each VM would start."""
    reason: str = ""
    """Why there is no place: ``sum`` (more is needed than all others have), ``vm`` (one fits nowhere), ``search``.

    Why that is not known: ``figures`` (they are too old, or were never measured); else the search was ended.
    """
    vm: str | None = None
    """The VM that fits nowhere."""
    measured: Mapping[str, UtcTime | None] = field(default_factory=dict[str, UtcTime | None])
    """Of observed hosts: when each was last measured."""
    unknown: tuple[str, ...] = ()
    """The VMs of which it is not known what they start with."""


def fail_host(world: World, host: str, *, among: Iterable[str] | None = None, budget: int = BUDGET) -> FailoverAnswer:
    """Asks what becomes of the VMs that run on a host, if it fails: all others take them, or those ``among`` these.

    Raises ``UnknownHost``.
    """
    failed = world.host(host)
    running = [vm for vm in world.vms.values() if vm.host == host and vm.state.power in (Power.RUNNING, Power.PAUSED)]
    needed = {
        vm.id: vm.state.memory.startup for vm in sorted(running, key=lambda vm: (-vm.state.memory.startup, vm.id))
    }
    ids = sorted(world.hosts) if among is None else sorted(set(among))
    others = {id: world.hosts[id].state.free for id in ids if id != failed.id}
    may = {
        vm.id: frozenset(
            id for id in others if vm.state.memory.startup <= cap(vm.state.generation, world.hosts[id].state.version)
        )
        for vm in running
    }
    answer, placement, reason, which = decide_failover(needed, others, may, budget)
    return FailoverAnswer(
        host=host, answer=answer, needed=needed, free=others, placement=placement, reason=reason, vm=which
    )


def decide_failover(
    needed: Mapping[str, int], free: Mapping[str, int], may: Mapping[str, frozenset[str]], budget: int
) -> tuple[Failover, dict[str, str], str, str | None]:
    """The answer, a placement, why there is none, and the VM that fits nowhere. ``may`` is where each VM may be."""
    if not needed:
        return Failover.ALWAYS, {}, "", None
    for vm, size in needed.items():
        if not any(free[host] >= size for host in may[vm]):
            return Failover.NO, {}, "vm", vm
    total = sum(needed.values())
    if total > sum(free.values()):
        return Failover.NO, {}, "sum", None
    if all(_always_fits(vm, needed, [free[host] for host in may[vm]]) for vm in needed):
        return Failover.ALWAYS, {}, "", None
    search = _Search(vms=list(needed.items()), free=dict(free), may=may, budget=budget)
    found = search.place(0)
    if found:
        return Failover.PLACED, search.placement, "", None
    return (Failover.UNKNOWN, {}, "", None) if search.budget < 0 else (Failover.NO, {}, "search", None)


def _always_fits(vm: str, needed: Mapping[str, int], free: Sequence[int]) -> bool:
    """Whether a VM finds a place wherever the others are.

    To shut it out, each host that has room for it must be filled by others: at least one of them, and so far that less
    than the VM needs is left.
    """
    size = needed[vm]
    others = [other for name, other in needed.items() if name != vm]
    least = min(others, default=1)
    return sum(max(room - size + 1, least) for room in free if room >= size) > sum(others)


@dataclass(slots=True)
class _Search:
    """Places VMs one after the other, the largest first, the tightest host first; equal rooms are tried once."""

    vms: list[tuple[str, int]]
    free: dict[str, int]
    may: Mapping[str, frozenset[str]]
    budget: int
    placement: dict[str, str] = field(default_factory=dict[str, str])

    def place(self, number: int) -> bool:
        """Places the VMs from this one on; false if that cannot be, or the budget is spent."""
        if number == len(self.vms):
            return True
        vm, size = self.vms[number]
        if sum(size for _, size in self.vms[number:]) > sum(self.free.values()):
            return False
        tried: set[tuple[int, bool]] = set()
        for host in sorted(self.may[vm], key=lambda host: (self.free[host], host)):
            room = self.free[host]
            likeness = (room, all((host in self.may[other]) for other, _ in self.vms[number:]))
            if room < size or (likeness in tried and likeness[1]):
                continue
            tried.add(likeness)
            self.budget -= 1
            if self.budget < 0:
                return False
            self.free[host] = room - size
            self.placement[vm] = host
            if self.place(number + 1):
                return True
            self.free[host] = room
            self.placement.pop(vm, None)
        return False
