"""What would make room on an observed host: the same search as on decided ones, by figures that are new enough.

The hosts whose free memory was measured at most five minutes ago become a state of the rules: each VM with what it
holds, and of what its guest leaves only what was measured since its memory last moved. What is not known gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.aggregates import HostAggregate, VmAggregate
from domain.commands import Command
from domain.deciding.world import World
from domain.guests import Guest
from domain.identifiers import UtcTime
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm
from domain.quantities import QUANTUM
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.state import Host, Power, Vm
from nilometer.planning.observed_use import POWERED, GuestUse, find_refusal, find_use, is_driven, is_fresh
from nilometer.planning.options import Plans, find_options
from projections.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedOptions:
    """What would make room, and what the guests that give use."""

    plans: Plans
    uses: Mapping[str, GuestUse]
    """By VM: of those whose guest leaves something, by a figure that is new enough."""


def find_observed_options(
    fleet: Fleet,
    command: Command,
    target: ObservedVm,
    host: str,
    amount: int,
    free: Mapping[str, int],
    now: UtcTime,
    polls: Mapping[str, PollFigures],
    *,
    within: int,
    without: Iterable[str],
) -> ObservedOptions:
    """Finds what would make room for ``amount`` on a host, so that a command on the VM ``target`` fits there.

    ``free`` has the hosts that count, with what each has left.
    """
    uses: dict[str, GuestUse] = {}
    vms: dict[str, VmAggregate] = {}
    hosts: dict[str, HostAggregate] = {}
    unmeasured = set[str]()
    for id, left in free.items():
        book: dict[str, int] = {}
        for vm in fleet.on(id):
            subject = fleet.vms[vm].subject
            if not isinstance(subject, ObservedVm):
                continue
            held = subject.held if subject.power in POWERED else 0
            use = find_use(fleet, subject, polls)
            if use is not None and is_fresh(use.at, now) and can_give(subject):
                uses[vm] = use
                if held is None:  # as of a balloon where no device says what backs it: what its guest leaves is known
                    held = use.assigned
                    unmeasured.add(vm)
            if vm != target.id and not held:
                continue  # it has nothing to give, or nobody knows what
            book[vm] = held or 0
            vms[vm] = VmAggregate(
                id=vm, name=subject.name, host=id, state=_to_state(subject, held or 0, uses.get(vm), amount)
            )
        book = {vm: size for vm, size in book.items() if size}
        account = Host(total=left + sum(book.values()), reserve=0, version=HostVersion.V2025, held=sum(book.values()))
        hosts[id] = HostAggregate(id=id, state=account, book=book)
    world = World(vms=vms, hosts=hosts, begun=set())
    unwanted = {*without, "set-reserve", "reclaim", *(("move-vm",) if is_driven(target) else ())}
    needed = amount - free[host]
    plans = find_options(
        world, command, host, target.id, needed, within=within, without=unwanted, unmeasured=unmeasured
    )
    return ObservedOptions(plans=plans, uses=uses)


def can_give(vm: ObservedVm) -> bool:
    """Whether memory can be taken from a VM that runs, by a command."""
    return (is_driven(vm) or (vm.memory is not None and vm.memory.mode is Mode.STATIC)) and find_refusal(vm) is None


def round_up(size: int) -> int:
    """The size in whole units of 2 MiB, at least so much."""
    return -(-size // QUANTUM) * QUANTUM


def _to_state(vm: ObservedVm, held: int, use: GuestUse | None, amount: int) -> Vm:
    """The VM as the rules know one that can be resized: a guest that leaves nothing known has not reported."""
    is_on = vm.power in POWERED
    removable = 0 if use is None else min(use.removable, held)
    return Vm(
        generation=vm.generation or 2,
        guest=Guest.WINDOWS,
        config_version=ConfigVersion(10, 0),
        memory=MemorySetting.static(round_up(held if is_on else amount)),
        power=Power.RUNNING if is_on else Power.OFF,
        session=1,
        assigned=held,
        ballooned=0,
        in_use=held - removable,
        in_use_reported=removable > 0,
        paged_out=0,
        high_watermark=held,
        vsc=is_on,
        hot_pluggable=held,
    )
