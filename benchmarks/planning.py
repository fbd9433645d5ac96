"""What an answer of ``nilo can`` costs, and how often another method calls a cluster over-committed that is not."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.commands import AddMemory, DefineVm, RegisterHost, ReportInUse, Start
from domain.deciding.world import World
from domain.guests import Guest
from domain.quantities import GiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting
from domain.state import Power
from nilometer.planning.asking import ask
from nilometer.planning.failover import Failover, FailoverAnswer, fail_host

TARGET: Final = "vm0000"
"""The VM that is asked about."""


def make_fleet(hosts: int, vms: int, seed: int = 1) -> World:
    """Hosts of 256 GiB, and running VMs of 2 to 16 GiB, spread evenly."""
    chance = random.Random(seed)
    world = World()
    for number in range(hosts):
        world.execute(RegisterHost(f"hv{number:02}", HostVersion.V2022, 256 * GiB, 4 * GiB))
    for number in range(vms):
        id, size = f"vm{number:04}", chance.randint(2, 16) * GiB
        _run(world, id, f"hv{number % hosts:02}", size)
        if world.vms[id].state.power is Power.RUNNING:
            world.execute(ReportInUse(id, size * chance.randint(3, 10) // 10))
    return world


def _run(world: World, id: str, host: str, size: int) -> None:
    world.execute(
        DefineVm(
            vm=id,
            host=host,
            generation=2,
            guest=Guest.WINDOWS,
            config_version=ConfigVersion(10, 0),
            memory=MemorySetting.static(size),
        )
    )
    world.execute(Start(id))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question took: seconds of the processor, and how many options it found."""

    cpu: float
    options: int


def ask_for(world: World, gib: int, within: int) -> Asked:
    """Asks for more memory for a VM, with plans of so many steps."""
    begun = time.process_time()
    asked = ask(world, AddMemory(TARGET, gib * GiB), within=within)
    options = 0 if asked.options is None else len(asked.options.found)
    return Asked(time.process_time() - begun, options)


@dataclass(frozen=True, slots=True)
class Clusters:
    """How many clusters have a placement whichever host fails, and how many of these another method calls full."""

    count: int
    placed: int
    called_overcommitted: int
    unknown: int


def compare_clusters(count: int) -> Clusters:
    """Random clusters of 3 to 6 hosts, of which any one may fail, judged by ``nilo can`` and by VMM's two methods.

    VMM (cluster reserve, "over-committed until proven otherwise") proves that VMs start in any order, by their sum, or
    counts slots of the size of the largest VM.
    """
    placed = called = unknown = 0
    for seed in range(count):
        world = _make_cluster(seed)
        answers = [fail_host(world, host) for host in world.hosts]
        if any(answer.answer is Failover.UNKNOWN for answer in answers):
            unknown += 1
        elif all(answer.answer is not Failover.NO for answer in answers):
            placed += 1
            called += not all(is_proved_by_vmm(answer) for answer in answers)
    return Clusters(count=count, placed=placed, called_overcommitted=called, unknown=unknown)


def is_proved_by_vmm(answer: FailoverAnswer) -> bool:
    """Whether VMM's methods show that the VMs of a host find places."""
    sizes, rooms = list(answer.needed.values()), list(answer.free.values())
    if not sizes:
        return True
    largest = max(sizes)
    by_sum = sum(max(0, room - largest) for room in rooms) >= sum(sizes) - largest and max(rooms) >= largest
    by_slots = sum(room // largest for room in rooms) >= len(sizes)
    return by_sum or by_slots


def _make_cluster(seed: int) -> World:
    chance = random.Random(seed)
    world = World()
    for number in range(chance.randint(3, 6)):
        world.execute(RegisterHost(f"hv{number}", HostVersion.V2022, chance.choice((64, 96, 128)) * GiB, 4 * GiB))
    for number, id in enumerate(_ids(world, chance)):
        _run(world, id, f"hv{number % len(world.hosts)}", chance.choice((4, 8, 8, 16, 24, 32)) * GiB)
    return world


def _ids(world: World, chance: random.Random) -> Iterator[str]:
    return (f"vm{number}" for number in range(chance.randint(2, 5) * len(world.hosts)))
