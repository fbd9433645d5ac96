"""What would make a command possible: the options that are found are those that trying every sequence finds."""

from __future__ import annotations

import random
from collections.abc import Iterator

from domain.commands import (
    NAMES,
    AddMemory,
    Command,
    DefineVm,
    Grow,
    MoveVm,
    Reclaim,
    RegisterHost,
    RemoveMemory,
    ReportInUse,
    SetReserve,
    Start,
    Stop,
)
from domain.deciding.world import World
from domain.decision import Outcome
from domain.errors import InputError
from domain.guests import Guest
from domain.quantities import QUANTUM, GiB, MiB, down
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.state import Power
from nilometer.planning.asking import CanAnswer, ask
from nilometer.planning.givers import PlanStep, copy_world
from nilometer.planning.keeping import BrokenPolicy, Keeper
from nilometer.planning.options import Plan, is_completed
from rules.policies.policy import Policy
from rules.policies.reading import read_policies

DONE = (Outcome.COMPLETED, Outcome.DONE)
Step = tuple[str, str]
"""The name of a command, and the VM or host that it is about."""


def small_fleet(chance: random.Random) -> World:
    """At most three hosts and five VMs, static and dynamic, running and off; some guests have not reported."""
    world = World()
    hosts = [f"hv{number}" for number in range(chance.randint(1, 3))]
    for host in hosts:
        world.execute(RegisterHost(host, HostVersion.V2022, chance.randint(6, 20) * GiB, chance.randint(0, 2) * GiB))
    for number in range(chance.randint(1, 5)):
        id, size = f"vm{number}", chance.randint(1, 6)
        memory, guest = MemorySetting.static(size * GiB), Guest.WINDOWS
        if chance.random() < 0.3:
            memory = MemorySetting(
                mode=Mode.DYNAMIC, startup=size * GiB, minimum=GiB // 2, maximum=8 * GiB, buffer=20, weight=50
            )
            guest = chance.choice([Guest.WINDOWS, Guest.LINUX, Guest.WINDOWS_LEGACY])
        world.execute(
            DefineVm(
                vm=id,
                host=chance.choice(hosts),
                generation=2,
                guest=guest,
                config_version=ConfigVersion(10, 0),
                memory=memory,
            )
        )
        if chance.random() < 0.85 and world.execute(Start(id)).outcome is Outcome.DONE and chance.random() < 0.8:
            world.execute(ReportInUse(id, chance.randint(0, size * 1024) * MiB))
    return world


def a_question(world: World, chance: random.Random) -> AddMemory | Grow | MoveVm | Start:
    """A command that needs memory of a host."""
    id = chance.choice(sorted(world.vms))
    vm = world.vms[id]
    others = sorted(host for host in world.hosts if host != vm.host)
    if vm.state.power is Power.OFF:
        return Start(id)
    if others and chance.random() < 0.2:
        return MoveVm(id, chance.choice(others))
    if vm.state.memory.mode is Mode.STATIC:
        return AddMemory(id, chance.randint(1, 12) * GiB)
    return Grow(id, chance.randint(1, 4) * GiB)


def every_step(world: World, target: str, command: Command, keeper: Keeper) -> Iterator[Command]:
    """All that may be done to others, each with the most that it gives; the VM that asks may move."""
    for vm in world.vms.values():
        if vm.id != target:
            yield Stop(vm.id)
            if vm.state.power is Power.RUNNING and vm.state.in_use_reported:
                kind = RemoveMemory if vm.state.memory.mode is Mode.STATIC else Reclaim
                all_of_it = kind(vm.id, max(QUANTUM, down(vm.state.assigned)))
                granted = copy_world(world, [all_of_it]).execute(all_of_it).granted or 0
                unused = down(max(0, min(granted, vm.state.available)))
                amounts = [unused, *(size * GiB for size in range(unused // GiB, 0, -1))] if unused else []
                kept = [amount for amount in amounts if is_kept(world, kind(vm.id, amount), keeper)]
                yield from (kind(vm.id, amount) for amount in kept[:1])
        if vm.id != target or not isinstance(command, MoveVm):
            yield from (MoveVm(vm.id, host) for host in world.hosts if host != vm.host)
    yield from (SetReserve(host.id, 0) for host in world.hosts.values() if host.state.reserve)


def is_kept(world: World, command: Command, keeper: Keeper) -> bool:
    """Whether a command makes no policy worse."""
    after = copy_world(world, [command])
    after.execute(command)
    return keeper.find_broken(world, after, command) is None


def step_of(command: Command) -> Step:
    return NAMES[type(command)], str(getattr(command, "vm", None) or getattr(command, "host", None))


def try_everything(world: World, command: Command, target: str, within: int, keeper: Keeper) -> set[frozenset[Step]]:
    """The smallest sets of steps after which the command is completed, by trying every sequence.

    What comes after such a set is larger, so no sequence goes on from one.
    """
    found: set[frozenset[Step]] = set()

    def go(now: World, steps: frozenset[Step], left: int) -> None:
        if any(smaller <= steps for smaller in found):
            return
        if steps and is_completed(now, [command], keeper):
            found.add(steps)
            return
        if not left:
            return
        for step in every_step(now, target, command, keeper):
            after = copy_world(now, [step])
            try:
                done = step_of(step) not in steps and after.execute(step).outcome in DONE
            except InputError:
                continue
            if done and keeper.find_broken(now, after, step) is None:
                go(after, steps | {step_of(step)}, left - 1)

    go(world, frozenset(), within)
    return {steps for steps in found if not any(other < steps for other in found)}


def likeness(world: World, steps: frozenset[Step]) -> tuple[tuple[str, str], ...]:
    """The set with a VM's figures in place of its id: equal VMs are interchangeable."""
    return tuple(sorted((kind, repr((world.vms[id].host, world.vms[id].state)) if id in world.vms else id)
                        for kind, id in steps))  # fmt: skip


def compare(seeds: range, within: int, keep: tuple[Policy, ...] = ()) -> int:
    """Compares the options of random fleets with what trying everything finds; returns how many questions had any."""
    with_options = 0
    for seed in seeds:
        chance = random.Random(seed)
        world = small_fleet(chance)
        command = a_question(world, chance)
        target = command.vm
        asked = ask(world, command, within=within, keep=keep)
        if asked.options is None:
            continue
        found = {frozenset(step_of(step.command) for step in option.steps) for option in asked.options.found}
        expected = try_everything(world, command, target, within, Keeper(keep))
        assert {likeness(world, steps) for steps in found} == {likeness(world, steps) for steps in expected}, seed
        assert not (asked.options.missing and expected), seed
        with_options += bool(expected)
        for option in asked.options.found:
            check_option(world, option, command, Keeper(keep))
    return with_options


def check_option(world: World, option: Plan, command: Command, keeper: Keeper) -> None:
    """The decider completes it, and not with one unit less of any amount."""
    commands = [step.command for step in option.steps]
    assert is_completed(world, [*commands, command], keeper)
    for number, step in enumerate(option.steps):
        less = with_less(step)
        if less is not None:
            fewer = [*commands[:number], less, *commands[number + 1 :], command]
            assert not is_completed(world, fewer, keeper), option


def with_less(step: PlanStep) -> Command | None:
    """The step with 2 MiB less, if it has an amount."""
    match step.command:
        case RemoveMemory(vm=vm, amount=amount):
            return RemoveMemory(vm, amount - QUANTUM)
        case Reclaim(vm=vm, amount=amount):
            return Reclaim(vm, amount - QUANTUM)
        case SetReserve(host=host, reserve=reserve):
            return SetReserve(host, reserve + QUANTUM)
        case _:
            return None


def test_options_of_one_and_two_steps_are_those_that_trying_every_sequence_finds() -> None:
    assert compare(range(250), 2) > 50


def test_options_of_three_steps_are_those_that_trying_every_sequence_finds() -> None:
    assert compare(range(2190, 2240), 3) > 10  # of 2200, two VMs would have to change places


POLICIES = '''
def tenth_stays_free(host: Host) -> bool:
    """10 % of the host stays free."""
    return host.free * 10 >= host.total

@scope(vms=("vm1", "vm2"))
def keeps_3_gib(vm: Vm) -> bool:
    """It never has less than 3 GiB, unless it is off."""
    return vm.power is Power.OFF or vm.assigned >= 3 * GiB

@scope(vms="vm3")
def stays_where_it_is(vm: Vm, host: Host) -> bool:
    """It holds no more than half of its host."""
    return vm.held * 2 <= host.total
'''


def test_options_that_keep_policies_are_those_that_trying_every_sequence_finds() -> None:
    keep = read_policies(POLICIES, "policies.py")
    assert compare(range(250), 2, keep) > 40
    assert compare(range(2100, 2130), 3, keep) > 3


TOGETHER = '''
@scope(vms=("vm0", "vm1", "vm2"), group="shop")
def shop_together(group: Group) -> bool:
    """The VMs of the shop never hold more than 9 GiB together."""
    return group.held <= 9 * GiB

@scope(one="vm0", other="vm3")
def two_together(one: Vm, other: Vm) -> bool:
    """They never hold more than 6 GiB together."""
    return one.held + other.held <= 6 * GiB

@scope(hosts="hv1")
def half_stays_free(host: Host) -> bool:
    """Half of the host stays free."""
    return host.free * 2 >= host.total
'''


def test_options_that_keep_policies_over_several_vms_are_those_that_trying_every_sequence_finds() -> None:
    keep = read_policies(TOGETHER, "policies.py")
    assert compare(range(400), 2, keep) > 60
    assert compare(range(4100, 4130), 3, keep) > 3


def test_who_shares_a_group_gives_from_whatever_host_and_nobody_moves_for_it() -> None:
    keep = read_policies(TOGETHER, "policies.py")
    world = World()
    memory = MemorySetting.static(4 * GiB)
    for number in range(2):
        world.execute(RegisterHost(f"hv{number + 2}", HostVersion.V2022, 64 * GiB, 0))
        world.execute(DefineVm(vm=f"vm{number}", host=f"hv{number + 2}", generation=2, guest=Guest.WINDOWS,
                               config_version=ConfigVersion(10, 0), memory=memory))  # fmt: skip
        world.execute(Start(f"vm{number}"))
        world.execute(ReportInUse(f"vm{number}", GiB))
    asked = ask(world, AddMemory("vm0", 2 * GiB), keep=keep)
    assert asked.options is not None
    assert [[step.command for step in option.steps] for option in asked.options.found] == [
        [RemoveMemory("vm1", GiB)],
        [Stop("vm1")],
    ]


def test_a_command_that_would_break_a_policy_is_answered_with_it() -> None:
    keep = read_policies(POLICIES, "policies.py")
    world = World()
    world.execute(RegisterHost("hv0", HostVersion.V2022, 20 * GiB, 0))
    memory = MemorySetting.static(4 * GiB)
    for vm in ("vm0", "vm1"):
        world.execute(
            DefineVm(
                vm=vm, host="hv0", generation=2, guest=Guest.WINDOWS, config_version=ConfigVersion(10, 0), memory=memory
            )
        )
        world.execute(Start(vm))
        world.execute(ReportInUse(vm, GiB))
    assert ask(world, AddMemory("vm0", 10 * GiB), keep=keep).answer is CanAnswer.YES
    asked = ask(world, AddMemory("vm0", 11 * GiB), keep=keep)
    assert (asked.answer, asked.broken) == (
        CanAnswer.NOT_NOW,
        BrokenPolicy("tenth_stays_free", "10 % of the host stays free.", "hv0"),
    )
    assert asked.options is not None
    assert [[step.command for step in option.steps] for option in asked.options.found] == [
        [RemoveMemory("vm1", GiB)],
        [Stop("vm1")],
    ]
    taken = ask(world, RemoveMemory("vm1", 2 * GiB), keep=keep)
    assert (taken.answer, taken.broken and taken.broken.name, taken.options) == (CanAnswer.NOT_NOW, "keeps_3_gib", None)


def test_what_no_plan_can_reach_is_what_the_largest_host_lacks_when_it_has_nothing_else() -> None:
    impossible = 0
    for seed in range(3000, 3040):
        chance = random.Random(seed)
        world = small_fleet(chance)
        static = [vm for vm in world.vms.values() if vm.state.power is Power.RUNNING]
        if not static or static[0].state.memory.mode is Mode.DYNAMIC:
            continue
        vm, amount = static[0], chance.randint(1, 30) * GiB
        asked = ask(world, AddMemory(vm.id, amount))
        largest = max(host.state.total for host in world.hosts.values())
        lacks = max(0, vm.state.assigned + amount - largest)
        assert (asked.options.missing if asked.options is not None else 0) == lacks
        impossible += lacks > 0
    assert impossible > 5
