"""What is found out about policies: each answer is one that random histories and an independent reading agree with."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest

from domain.commands import (
    NAMES,
    AddMemory,
    Command,
    DefineVm,
    Grow,
    MoveVm,
    Pause,
    RebootGuest,
    Reclaim,
    RegisterHost,
    RemoveMemory,
    ReportInUse,
    ResizeHost,
    Restore,
    Resume,
    Save,
    SetMemory,
    SetReserve,
    Start,
    Stop,
)
from domain.deciding.world import World
from domain.decision import accepted
from domain.errors import InputError
from domain.guests import Guest
from domain.quantities import GiB, MiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from rules.obligations.builder import ObligationBuilder
from rules.policies.checking import Kept, PolicyCheck, PolicyReport, check_policies
from rules.policies.compiling import Condition, compile_condition
from rules.policies.policy import Policy
from rules.policies.reading import read_policies

TEXT = '''
def tenth_stays_free(host: Host) -> bool:
    """10 % of the host stays free."""
    return host.free * 10 >= host.total

def twentieth_stays_free(host: Host) -> bool:
    """5 % of the host stays free."""
    return host.free * 20 >= host.total

@scope(vms="db*")
def db_keeps_8_gib(vm: Vm) -> bool:
    """A db VM never has less than 8 GiB, unless it is off."""
    return vm.power is Power.OFF or vm.assigned >= 8 * GiB

@scope(vms=("db*", "sql*"))
def at_most_6_gib(vm: Vm) -> bool:
    """At most 6 GiB."""
    return vm.assigned <= 6 * GiB

def never_tiny(vm: Vm) -> bool:
    """Never under 32 MiB."""
    return vm.power is Power.OFF or vm.assigned >= 32 * MiB

def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM holds more than half of its host."""
    return vm.held * 2 <= host.total

def stays_on(vm: Vm) -> bool:
    """A VM that was started is never off."""
    return vm.session == 0 or vm.power is not Power.OFF

def impossible(host: Host) -> bool:
    """A host has more free than it has."""
    return host.free > host.total

@scope(vms="web*")
def is_large(vm: Vm) -> bool:
    """Web VMs have 16 GiB."""
    return vm.assigned >= 16 * GiB

def no_pause(vm: Vm) -> bool:
    """No VM is paused."""
    return vm.power is not Power.PAUSED
'''


@cache
def checked() -> PolicyCheck:
    return check_policies(read_policies(TEXT, "policies.py"))


def report(name: str) -> PolicyReport:
    return next(found for found in checked().reports if found.policy.name == name)


def test_what_conflicts_is_found() -> None:
    assert [(one.one, one.other, one.always) for one in checked().conflicts] == [
        ("db_keeps_8_gib", "at_most_6_gib", False),
    ]
    assert checked().wrong == ("db_keeps_8_gib", "at_most_6_gib", "stays_on", "impossible", "is_large")


def test_what_is_said_already_is_found() -> None:
    assert report("twentieth_stays_free").implied_by[0] == "tenth_stays_free"
    assert "twentieth_stays_free" not in report("tenth_stays_free").implied_by
    assert report("never_tiny").implied_by_rules
    assert report("never_tiny").never_bites
    assert [found.policy.name for found in checked().reports if found.implied_by_rules] == ["never_tiny"]


def test_what_nothing_can_keep_is_found() -> None:
    assert (report("impossible").possible, report("impossible").possible_running) == (False, False)
    assert report("db_keeps_8_gib").possible_running is True


def test_what_would_refuse_a_stop_is_found_with_an_example() -> None:
    blocks = {found.policy.name: found.blocks["stop"] for found in checked().reports if "stop" in found.blocks}
    assert blocks.keys() == {"stays_on", "is_large"}
    assert blocks["stays_on"].after["web01.power"] == "off"
    assert report("stays_on").refuses_every == ("stop",)


def test_a_policy_that_refuses_every_command_of_a_kind_shuts_it_off() -> None:
    assert report("no_pause").refuses_every == ("pause",)
    assert report("no_pause").enforced_at == ("pause",)


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("tenth_stays_free", {"start", "restore", "reboot-guest", "add-memory", "grow", "set-memory", "move-vm",
                              "register-host", "resize-host", "set-reserve"}),
        ("db_keeps_8_gib", {"start", "reboot-guest", "remove-memory", "reclaim", "set-memory"}),
        ("at_most_half", {"start", "restore", "reboot-guest", "add-memory", "grow", "set-memory", "move-vm",
                          "resize-host"}),
    ],
)  # fmt: skip
def test_where_a_policy_has_to_be_enforced(name: str, commands: set[str]) -> None:
    assert set(report(name).enforced_at) == commands
    assert report(name).example is not None


# Random histories


def a_command(world: World, chance: random.Random, number: int) -> Command:
    """Any command, about whatever is there."""
    hosts, vms = sorted(world.hosts), sorted(world.vms)
    if len(hosts) < 2 or chance.random() < 0.02:
        return RegisterHost(f"hv{number}", chance.choice(list(HostVersion)), chance.randint(1, 20) * GiB, 0)
    host = chance.choice(hosts)
    if len(vms) < 2 or chance.random() < 0.05:
        size = chance.randint(1, 10) * GiB
        dynamic = MemorySetting(
            mode=Mode.DYNAMIC, startup=size, minimum=GiB // 2, maximum=12 * GiB, buffer=20, weight=50
        )
        return DefineVm(
            vm=f"{chance.choice(('db', 'web'))}{number}",
            host=host,
            generation=chance.choice((1, 2)),
            guest=chance.choice(list(Guest)),
            config_version=ConfigVersion(10, 0),
            memory=chance.choice((dynamic, MemorySetting.static(size))),
        )
    vm, amount = chance.choice(vms), chance.randint(1, 6) * GiB
    choices: list[Command] = [
        Start(vm), Start(vm), Start(vm), Stop(vm), Pause(vm), Resume(vm), Save(vm), Restore(vm), RebootGuest(vm),
        ReportInUse(vm, chance.randint(0, 6 * 1024) * MiB), ReportInUse(vm, 0), AddMemory(vm, amount),
        RemoveMemory(vm, amount), Grow(vm, amount), Reclaim(vm, amount), SetMemory(vm, amount), MoveVm(vm, host),
        ResizeHost(host, chance.randint(1, 24) * GiB), SetReserve(host, chance.randint(0, 3) * GiB),
    ]  # fmt: skip
    return chance.choice(choices)


@cache
def condition_of(name: str) -> Condition:
    return compile_condition(report(name).policy.term)


def states_of(policy: Policy, world: World) -> dict[tuple[str, str], bool]:
    """Whether a policy holds of everything that is there, without its scope."""
    condition = condition_of(policy.name)
    if not policy.is_over_vms:
        return {("host", id): condition(None, host.state) for id, host in world.hosts.items()}
    return {("vm", id): condition(vm.state, world.hosts[vm.host].state) for id, vm in world.vms.items()}


def test_a_command_that_is_proved_to_keep_a_policy_never_breaks_it_in_a_random_history() -> None:
    reports = checked().reports
    broken: Counter[tuple[str, str]] = Counter()
    for seed in range(25):
        chance, world = random.Random(seed), World()
        after = {found.policy.name: states_of(found.policy, world) for found in reports}
        for number in range(150):
            before = after
            command = a_command(world, chance, number)
            try:
                answer = world.execute(command)
            except InputError:
                continue
            after = {found.policy.name: states_of(found.policy, world) for found in reports}
            for found in reports:
                name, kind = found.policy.name, NAMES[type(command)]
                for subject, holds in after[name].items():
                    if not holds and before[name].get(subject, True) and accepted(answer.decision):
                        broken[name, kind] += 1
                        assert found.commands[kind] is Kept.ENFORCED, (name, kind, seed, number)
    assert len(broken) > 25  # the histories do break policies, where they have to be enforced


def test_without_a_rule_that_a_policy_rests_on_it_is_not_proved() -> None:
    class Careless(ObligationBuilder):
        """Knows no invariant."""

        def invariants(self, site: object) -> list[object]:  # type: ignore[override]
            return []

    (policy,) = [policy for policy in read_policies(TEXT, "policies.py") if policy.name == "never_tiny"]
    assert not check_policies([policy], Careless()).reports[0].implied_by_rules


def test_a_fact_may_break_a_policy_which_is_not_enforced_there_and_shuts_nothing_off() -> None:
    text = 'def spare(vm: Vm) -> bool:\n    """A tenth is spare."""\n    return vm.in_use * 10 <= vm.assigned * 9\n'
    checked = check_policies(read_policies(text, "policies.py"))
    (report,) = checked.reports
    assert report.broken_by_facts == ("report-in-use",)
    assert set(report.enforced_at) == {"remove-memory", "reclaim", "set-memory"}
    assert (dict(report.blocks), report.refuses_every, checked.wrong) == ({}, (), ())
