"""What would make room on observed hosts: the options are those that trying every sequence finds, and each is true.

What is tried is written down here anew, on plain numbers: no rule and no decider is asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final

import pytest

from domain.commands import AddMemory, Command, Grow, MoveVm, RemoveMemory, SetMemory, Start, Stop
from domain.decision import Code
from domain.errors import InputError
from domain.guests import Guest
from domain.identifiers import UtcTime
from domain.observed.devices import DeviceAccount
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.observed.words import Means
from domain.quantities import GiB, MiB
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.state import Power
from nilometer.planning.asking import CanAnswer
from nilometer.planning.goals import Goal
from nilometer.planning.observed import ObservedAnswer, ask_observed
from nilometer.planning.observed_goals import PlanSearch, plan_observed
from projections.fleet import Fleet
from projections.tracked import Tracked

NOW = UtcTime("2026-11-23T09:05:00.000000Z")
FRESH = UtcTime("2026-11-23T09:04:00.000000Z")
STALE = UtcTime("2026-11-23T08:30:00.000000Z")
MOVED = UtcTime("2026-11-23T08:00:00.000000Z")
FLOOR: Final = 32
DYNAMIC = MemorySetting(mode=Mode.DYNAMIC, startup=GiB, minimum=GiB // 2, maximum=8 * GiB, buffer=20, weight=50)
Step = tuple[str, str]
"""The kind of a step, and the VM that it is about."""


@dataclass(frozen=True)
class KnownVm:
    """A VM as the test knows it, in MiB."""

    host: str
    held: int
    leaves: int
    """What can be taken from it: 0 where nobody knows."""


@dataclass(frozen=True)
class Known:
    """What is known of the hosts whose free memory is, in MiB."""

    free: dict[str, int]
    vms: dict[str, KnownVm]


def small_fleet(chance: random.Random) -> tuple[Fleet, Known, str]:
    """At most three hosts and five VMs with figures of all ages; and the VM that asks, which runs on a fresh host."""
    fleet, known = Fleet(), Known({}, {})
    hosts = [f"hv{number}" for number in range(chance.randint(1, 3))]
    for host in hosts:
        free = chance.randint(0, 6) * 1024 + chance.choice([0, 0, 1, 511])
        is_fresh = host == "hv0" or chance.random() < 0.7
        measured = FRESH if is_fresh else STALE
        fleet.put_host(
            host, Tracked(ObservedHost(id=host, name=host.upper(), free=free * MiB, measured={"free": measured}), FRESH)
        )
        if is_fresh:
            known.free[host] = free
    for number in range(chance.randint(2, 5)):
        id, host, size = f"vm{number}", chance.choice(hosts) if number else "hv0", chance.randint(1, 6) * 1024
        in_use = chance.randint(0, size)
        measured, moved = chance.choice([FRESH, FRESH, FRESH, STALE]), MOVED
        if chance.random() < 0.1:
            moved = FRESH  # after what the guest used was measured
            measured = STALE
        vm = ObservedVm(
            id=id, name=f"name of {id}" if number == 1 else id, host=host, power=Power.RUNNING,
            memory=MemorySetting.static(size * MiB), assigned=size * MiB, in_use=in_use * MiB,
            told_held=size * MiB, measured={"assigned": moved, "in_use": measured},
        )  # fmt: skip
        leaves = (size - max(in_use, FLOOR)) // 2 * 2 if measured == FRESH else 0
        kind = chance.random() if number else 1.0
        if kind < 0.1:
            vm, leaves = replace(vm, memory=DYNAMIC), 0
        elif kind < 0.2:
            vm, leaves = replace(vm, guest=Guest.WINDOWS_LEGACY), 0
        elif kind < 0.3:
            vm, leaves = replace(vm, power=Power.PAUSED), 0
        elif kind < 0.4:
            vm, size, leaves = replace(vm, power=Power.OFF, assigned=0, told_held=0), 0, 0
        fleet.put_vm(id, Tracked(vm, FRESH))
        if host in known.free:
            known.vms[id] = KnownVm(host, size, max(0, leaves))
    return fleet, known, "vm0"


def every_step(now: Known, target: str) -> Iterator[tuple[Step, Known]]:
    """All that may be done, each with the most that it gives."""
    for id, vm in now.vms.items():
        if id != target:
            if vm.held:
                yield ("stop", id), put(now, id, KnownVm(vm.host, 0, 0), vm.held)
            if vm.leaves:
                yield ("remove-memory", id), put(now, id, KnownVm(vm.host, vm.held - vm.leaves, 0), vm.leaves)
        for to in now.free:
            if to != vm.host and vm.held and now.free[to] >= vm.held:
                moved = put(now, id, replace(vm, host=to), vm.held)
                yield ("move-vm", id), replace(moved, free=moved.free | {to: moved.free[to] - vm.held})


def put(now: Known, id: str, vm: KnownVm, given: int) -> Known:
    host = now.vms[id].host
    return Known(now.free | {host: now.free[host] + given}, now.vms | {id: vm})


def try_everything(known: Known, target: str, amount: int, within: int) -> set[frozenset[Step]]:
    """The smallest sets of steps after which the host of the VM has so much, by trying every sequence."""
    found: set[frozenset[Step]] = set()

    def go(now: Known, steps: frozenset[Step], left: int) -> None:
        if steps and now.free[now.vms[target].host] >= amount:
            found.add(steps)
        if left:
            for step, after in every_step(now, target):
                if step not in steps:
                    go(after, steps | {step}, left - 1)

    go(known, frozenset(), within)
    return {steps for steps in found if not any(other < steps for other in found)}


def asked(fleet: Fleet, command: Command, within: int = 2, without: frozenset[str] = frozenset()) -> ObservedAnswer:
    subject = fleet.vms[getattr(command, "vm", "")].subject
    assert isinstance(subject, ObservedVm)
    return ask_observed(fleet, subject, command, NOW, lambda _: (), within=within, without=without)


def likeness(known: Known, steps: frozenset[Step]) -> tuple[tuple[str, object], ...]:
    """The set with a VM's figures in place of its id: equal VMs are interchangeable."""
    return tuple(sorted(((kind, known.vms[id]) for kind, id in steps), key=repr))


def compare(seeds: range, within: int) -> tuple[int, int]:
    """Compares with what trying everything finds; returns how many questions had options, and how many of them two."""
    with_options = with_pairs = 0
    for seed in seeds:
        chance = random.Random(seed)
        fleet, known, target = small_fleet(chance)
        amount = chance.randint(1, 12 * 512) * 2
        answer = asked(fleet, AddMemory(target, amount * MiB), within)
        free = known.free["hv0"]
        if amount <= free:
            assert (answer.answer, answer.options) == (CanAnswer.YES, None), seed
            continue
        granted = free // 2 * 2
        assert (answer.answer, answer.granted) == (
            CanAnswer.PARTLY if granted else CanAnswer.NOT_NOW,
            granted * MiB,
        ), seed
        assert answer.options is not None
        plans = answer.options.plans.found
        found = {frozenset((step.name, str(getattr(step.command, "vm", ""))) for step in plan.steps) for plan in plans}
        expected = try_everything(known, target, amount, within)
        assert {likeness(known, steps) for steps in found} == {likeness(known, steps) for steps in expected}, seed
        with_options += bool(expected)
        with_pairs += any(len(steps) > 1 for steps in expected)
        for plan in plans:
            check(known, [step.command for step in plan.steps], target, amount, seed)
    return with_options, with_pairs


def check(known: Known, commands: list[Command], target: str, amount: int, seed: int) -> None:
    """Every step can be done in its order, the amount fits after them, and not with 2 MiB less of any of them."""
    assert does(known, commands, target, amount), (seed, commands)
    for number, command in enumerate(commands):
        if isinstance(command, RemoveMemory):
            less = RemoveMemory(command.vm, command.amount - 2 * MiB)
            fewer = [*commands[:number], less, *commands[number + 1 :]]
            assert not any(does(known, list(order), target, amount) for order in permutations(fewer)), (seed, commands)


def does(known: Known, commands: list[Command], target: str, amount: int) -> bool:
    for command in commands:
        match command:
            case RemoveMemory(vm=id, amount=taken):
                if taken // MiB > known.vms[id].leaves:
                    return False
                vm = known.vms[id]
                known = put(known, id, replace(vm, held=vm.held - taken // MiB, leaves=0), taken // MiB)
            case Stop(vm=id):
                known = put(known, id, KnownVm(known.vms[id].host, 0, 0), known.vms[id].held)
            case MoveVm(vm=id, to=to):
                vm = known.vms[id]
                if known.free.get(to, -1) < vm.held:
                    return False
                known = put(known, id, replace(vm, host=to), vm.held)
                known = replace(known, free=known.free | {to: known.free[to] - vm.held})
            case _:
                return False
    return known.free[known.vms[target].host] >= amount


def test_options_of_two_steps_are_those_that_trying_every_sequence_finds() -> None:
    with_options, with_pairs = compare(range(400), 2)
    assert with_options > 100
    assert with_pairs > 50


def test_options_of_three_steps_are_those_that_trying_every_sequence_finds() -> None:
    with_options, _ = compare(range(1000, 1080), 3)
    assert with_options > 20


def test_kinds_of_steps_that_are_not_wanted_are_left_out() -> None:
    left_out = 0
    for seed in range(200):
        chance = random.Random(seed)
        fleet, known, target = small_fleet(chance)
        amount = known.free["hv0"] + chance.randint(1, 2000) * 2
        answer = asked(fleet, AddMemory(target, amount * MiB), 2, frozenset({"stop", "move-vm"}))
        if answer.options is not None:
            kinds = {step.name for plan in answer.options.plans.found for step in plan.steps}
            assert kinds <= {"remove-memory"}
            left_out += not kinds
    assert left_out > 20


LINE: Final = re.compile(
    r"Set-NiloVMMemory (?P<set>'[^']*'|\S+) -StartupBytes (?P<size>\d+)(?P<unit>[KMG]B)? .*"
    r"|Invoke-NiloChange (?P<name>'[^']*'|\S+) \{ (?P<what>Stop|Move)-VM (?P=name)(?: (?P<to>\S+))? \} .*"
)
UNITS: Final = {"KB": 2**10, "MB": 2**20, "GB": 2**30, None: 1}


def run_lines(known: Known, sizes: dict[str, int], names: dict[str, str], lines: tuple[str, ...]) -> dict[str, int]:
    """What the VMs have after the lines, in MiB. Fails for a line that asks for what is not there."""
    sizes = dict(sizes)
    for line in lines:
        match = LINE.fullmatch(line)
        assert match is not None, line
        id = names[(match["set"] or match["name"]).strip("'")]
        vm = known.vms[id]
        if match["set"]:
            size = int(match["size"]) * UNITS[match["unit"]] // MiB
            assert size % 2 == 0, line
            change = size - sizes[id]
            assert change <= known.free[vm.host], line
            assert -change <= vm.leaves, line
            known = put(known, id, replace(vm, held=vm.held + change), -change)
            sizes[id] = size
        elif match["what"] == "Stop":
            known, sizes[id] = put(known, id, KnownVm(vm.host, 0, 0), vm.held), 0
        else:
            to = match["to"].lower()
            assert known.free[to] >= vm.held, line
            known = put(known, id, replace(vm, host=to), vm.held)
            known = replace(known, free=known.free | {to: known.free[to] - vm.held})
    return sizes


def test_lines_of_a_plan_reach_the_goal_by_what_is_known_and_there_are_some_where_trying_finds_any() -> None:
    planned = impossible = 0
    for seed in range(400):
        chance = random.Random(seed)
        fleet, known, target = small_fleet(chance)
        subject = fleet.vms[target].subject
        assert isinstance(subject, ObservedVm)
        assert subject.assigned is not None
        goal = Goal(target, subject.assigned + chance.randint(1, 8192) * MiB)
        plan = plan_observed(fleet, subject, goal, NOW, lambda _: ())
        amount = -(-(goal.size - subject.assigned) // MiB // 2) * 2
        ways = try_everything(known, target, amount, 2)
        stays = [steps for steps in ways if ("move-vm", target) not in steps]
        assert bool(plan.lines) == (amount <= known.free["hv0"] or bool(stays)), seed
        impossible += not plan.lines
        if plan.lines:
            sizes = {id: vm.held for id, vm in known.vms.items()}
            names = {fleet.vms[id].subject.name: id for id in known.vms}
            assert run_lines(known, sizes, names, plan.lines)[target] * MiB >= goal.size, seed
            planned += len(plan.lines) > 1
    assert planned > 80
    assert impossible > 30


def test_another_option_is_planned_by_its_number() -> None:
    fleet, known, target = small_fleet(random.Random(1))
    subject = fleet.vms[target].subject
    assert isinstance(subject, ObservedVm)
    goal = Goal(target, (subject.assigned or 0) + (known.free["hv0"] // 2 * 2 + 2) * MiB)
    first, second = (
        plan_observed(fleet, subject, goal, NOW, lambda _: (), search=PlanSearch(option=number)) for number in (1, 2)
    )
    assert first.lines
    assert second.lines
    assert first.lines != second.lines
    with pytest.raises(InputError, match="there is no option 99"):
        plan_observed(fleet, subject, goal, NOW, lambda _: (), search=PlanSearch(option=99))


def test_a_guest_of_qemu_is_neither_moved_nor_stopped_by_a_plan_and_gives_only_virtio_mem() -> None:
    fleet = Fleet()
    for host in ("hv0", "hv1"):
        free = {"hv0": GiB, "hv1": 64 * GiB}[host]
        fleet.put_host(host, Tracked(ObservedHost(id=host, name=host, free=free, measured={"free": FRESH}), FRESH))
    for id in ("vm0", "vm1"):
        accounts = {
            "base": DeviceAccount(means=Means.BOOT, size=2 * GiB),
            "dev": DeviceAccount(means=Means.VIRTIO_MEM, size=4 * GiB, maximum=16 * GiB),
        }
        vm = ObservedVm(
            id=id, name=id, host="hv0", power=Power.RUNNING, hypervisor="QEMU 9.0", accounts=accounts,
            told_held=6 * GiB,
            assigned=6 * GiB, in_use=GiB, measured={"assigned": MOVED, "in_use": FRESH},
        )  # fmt: skip
        fleet.put_vm(id, Tracked(vm, FRESH))
    subject = fleet.vms["vm0"].subject
    assert isinstance(subject, ObservedVm)
    plan = plan_observed(fleet, subject, Goal("vm0", 9 * GiB), NOW, lambda _: ())
    assert plan.lines == (
        "nilo drive vm1 4GiB --reason 'plan: vm0 >= 9GiB'",
        "nilo drive vm0 9GiB --reason 'plan: vm0 >= 9GiB'",
    )
    assert plan_observed(fleet, subject, Goal("vm0", 13 * GiB), NOW, lambda _: ()).lines == ()
    assert asked(fleet, AddMemory("vm0", 3 * GiB)).is_driven


def one(vm: ObservedVm, free: int = 16 * GiB) -> Fleet:
    fleet = Fleet()
    for host in ("hv0", "hv1"):
        fleet.put_host(host, Tracked(ObservedHost(id=host, name=host, free=free, measured={"free": FRESH}), FRESH))
    fleet.put_vm(vm.id, Tracked(vm, FRESH))
    return fleet


VM = ObservedVm(
    id="vm0", name="vm0", host="hv0", power=Power.RUNNING, memory=MemorySetting.static(4 * GiB), assigned=4 * GiB,
    told_held=4 * GiB, measured={"assigned": FRESH},
)  # fmt: skip


@pytest.mark.parametrize(
    ("vm", "command", "answer", "granted", "code"),
    [
        (VM, AddMemory("vm0", 0), CanAnswer.YES, 0, None),
        (VM, SetMemory("vm0", 4 * GiB), CanAnswer.YES, 0, None),
        (VM, AddMemory("vm0", 3 * MiB), CanAnswer.NOT_NOW, 0, Code.INVALID_AMOUNT),
        (VM, SetMemory("vm0", 4 * GiB + 1024), CanAnswer.NOT_NOW, 0, Code.INVALID_AMOUNT),
        (VM, Grow("vm0", GiB), CanAnswer.NOT_NOW, 0, Code.DYNAMIC_MEMORY_DISABLED),
        (replace(VM, power=Power.PAUSED), AddMemory("vm0", GiB), CanAnswer.NOT_NOW, 0, Code.WRONG_POWER_STATE),
        (replace(VM, config_version=ConfigVersion(5, 0)), AddMemory("vm0", 0), CanAnswer.NOT_NOW, 0,
         Code.CONFIGURATION_VERSION),
        (replace(VM, memory=DYNAMIC), Grow("vm0", 4 * GiB), CanAnswer.YES, 4 * GiB, None),
        (replace(VM, memory=DYNAMIC), Grow("vm0", 5 * GiB), CanAnswer.NOT_NOW, None, None),
        (replace(VM, memory=DYNAMIC), AddMemory("vm0", GiB), CanAnswer.NOT_NOW, None, None),
    ],
)  # fmt: skip
def test_what_no_host_decides(
    vm: ObservedVm, command: Command, answer: CanAnswer, granted: int | None, code: Code | None
) -> None:
    found = asked(one(vm), command)
    assert (found.answer, found.granted, found.code) == (answer, granted, code)


def test_a_start_is_never_granted_in_part_whatever_the_day_showed() -> None:
    off = replace(VM, power=Power.OFF, assigned=0, told_held=0)
    found = asked(one(off, 3 * GiB), Start("vm0"))
    assert (found.answer, found.granted) == (CanAnswer.NOT_NOW, 0)
    for command in (AddMemory("vm0", GiB), SetMemory("vm0", 8 * GiB), Grow("vm0", GiB)):
        with pytest.raises(InputError, match="only a VM that runs can be resized"):
            asked(one(off), command)


def test_dynamic_memory_below_its_maximum_needs_no_line() -> None:
    dynamic = replace(VM, memory=DYNAMIC)
    fleet = one(dynamic)
    assert plan_observed(fleet, dynamic, Goal("vm0", 8 * GiB), NOW, lambda _: ()).lines == ()
    assert plan_observed(fleet, dynamic, Goal("vm0", 9 * GiB), NOW, lambda _: ()).lines == (
        "Set-NiloVMMemory vm0 -MaximumBytes 9GB -Reason 'plan: vm0 >= 9GiB'",
    )
