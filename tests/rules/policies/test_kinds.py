"""Policies over two VMs, a change of a VM, and a group: all readings of them agree, and so do proofs and histories."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import NAMES, Command, DefineVm, RegisterHost
from domain.deciding.world import World
from domain.decision import accepted
from domain.errors import InputError
from domain.event import Event
from domain.events import VmEvent
from domain.guests import Guest
from domain.identifiers import StreamName
from domain.quantities import GiB
from domain.recording.vms.records import VmCommandName
from domain.settings import ConfigVersion, HostVersion, MemorySetting
from domain.state import Group, Vm
from rules.policies.checking import Kept, PolicyCheck, PolicyReport, check_policies
from rules.policies.compiling import compile_condition, compile_measure
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.values import constants, leaves
from tests.rules.policies.judging.test_judge import judge
from tests.rules.policies.test_checking import a_command
from tests.rules.policies.test_reading import SIZES, TRUTHS, VMS, run

TEXT = '''
@scope(one="db1", other="web0")
def together(one: Vm, other: Vm) -> bool:
    """db1 and web0 hold at most 12 GiB together."""
    return one.held + other.held <= 12 * GiB

@scope(one="web0", other="db1")
def web_runs_only_beside_db(one: Vm, other: Vm) -> bool:
    """web0 runs only while db1 is not off."""
    return one.power is not Power.RUNNING or other.power is not Power.OFF

def never_grows(before: Vm, vm: Vm) -> bool:
    """No VM grows."""
    return vm.assigned <= before.assigned

def no_adding(command: Command) -> bool:
    """Memory is never added by hand."""
    return command is not Command.ADD_MEMORY

@scope(vms="db*", group="databases")
def databases(group: Group) -> bool:
    """All db VMs hold at most 20 GiB together."""
    return group.held <= 20 * GiB

@scope(vms="db*", group="databases")
def databases_at_most_24(group: Group) -> bool:
    """All db VMs hold at most 24 GiB together."""
    return group.held <= 24 * GiB

@scope(vms="db*")
def large(vm: Vm) -> bool:
    """A db VM that runs has more than 20 GiB."""
    return vm.power is not Power.RUNNING or vm.assigned > 20 * GiB

@scope(vms=("db1", "web0"))
def at_most_6(vm: Vm) -> bool:
    """At most 6 GiB."""
    return vm.held <= 6 * GiB
'''


@cache
def policies() -> dict[str, Policy]:
    return {policy.name: policy for policy in read_policies(TEXT, "policies.py")}


@cache
def checked() -> PolicyCheck:
    return check_policies(tuple(policies().values()))


def report(name: str) -> PolicyReport:
    return next(found for found in checked().reports if found.policy.name == name)


# Readings


def known_of(**values: object) -> dict[str, Any]:
    """The values of variables: ``one`` is the VM of a site."""
    return {
        path: terms.value_of(term)
        for role, value in values.items()
        for path, term in leaves(constants(value), f"site.{'vm' if role == 'one' else role}")
    }


@settings(max_examples=80, deadline=None)
@given(TRUTHS, VMS, VMS, st.sampled_from(VmCommandName), SIZES)
def test_evaluator_compiled_text_and_solver_agree_with_cpython(
    expression: str, first: Vm, second: Vm, command: VmCommandName, held: int
) -> None:
    at_will = expression.replace("host.version is HostVersion.V2022", "True")
    of_two = at_will.replace("vm.", "one.").replace("host.total", "other.assigned").replace("host.", "other.")
    of_two = of_two.replace("other.free", "other.visible")
    of_change = f"command is Command.{command.name} or ({of_two.replace('one.', 'vm.').replace('other.', 'before.')})"
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ('@scope(one="a", other="b")\n', "one: Vm, other: Vm", {"one": first, "other": second}),
        ("", "before: Vm, vm: Vm, command: Command", {"before": second, "vm": first, "command": VmCommandName.STOP}),
        ("", "group: Group", {"group": Group(held)}),
    ]
    bodies = of_two, of_change, f"group.held % 7 < 3 or group.held * 2 > {held + 1} and {len(expression)} > 40"
    for (decorator, parameters, given_values), body in zip(cases, bodies, strict=True):
        text = f'def policy({parameters}) -> bool:\n    """What is tested."""\n    return {body}\n'
        (policy,) = read_policies(decorator + text, "policies.py")
        expected = run(text)(**given_values)
        known = known_of(**given_values)
        values = {"vm" if role == "one" else role: value for role, value in given_values.items()}
        call: list[Any] = [values.get(role) for role in ("vm", "host", "other", "group", "before", "command")]
        assert compile_condition(policy.term)(*call) is expected
        assert (compile_measure(policy.term)(*call) == 0) is expected
        assert terms.evaluate(policy.term, known) is expected
        variables = terms.variables(policy.term)
        state = [terms.equal(variables[name], terms.constant(known[name])) for name in variables]
        assert Solver(20_000_000).ask(*state, policy.term).holds is expected


# Proofs


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("together", {"start", "restore", "reboot-guest", "add-memory", "grow", "set-memory"}),
        ("web_runs_only_beside_db", {"start", "stop", "resume", "restore"}),
        ("never_grows", {"start", "reboot-guest", "add-memory", "grow", "set-memory"}),
        ("no_adding", {"add-memory", "set-memory"}),
        ("databases", {"start", "restore", "reboot-guest", "add-memory", "grow", "set-memory"}),
    ],
)
def test_where_a_policy_has_to_be_enforced(name: str, commands: set[str]) -> None:
    found = report(name)
    assert set(found.enforced_at) - {"define-vm"} == commands
    assert set(found.examples) == set(found.enforced_at)


def test_an_example_shows_what_the_policy_reads_of_those_that_the_command_does_not_change() -> None:
    pair, group = report("together").example, report("databases").example
    assert pair is not None
    assert pair.after["web02.assigned"] == pair.before["web02.assigned"]
    assert pair.reads["other.assigned"] == pair.after["web02.assigned"]
    assert pair.after["web01.held"] + pair.after["web02.held"] > 12 * GiB
    assert group is not None
    assert group.after["databases.held"] - group.before["databases.held"] == group.after["web01.held"]
    assert group.before["databases.held"] <= 20 * GiB < group.after["databases.held"] == group.reads["group.held"]


def test_what_would_refuse_a_stop_is_found_of_two_vms_too() -> None:
    assert set(report("web_runs_only_beside_db").blocks) == {"stop"}
    assert report("web_runs_only_beside_db").blocks["stop"].about == "the other VM"
    assert report("no_adding").refuses_every == ("add-memory",)


def test_conflicts_are_found_across_kinds_with_the_commands_that_both_refuse() -> None:
    found = {(one.one, one.other): one.commands for one in checked().conflicts}
    assert found[("databases", "large")] == ("start", "resume", "restore")
    assert ("large", "at_most_6") in found
    assert ("together", "at_most_6") not in found


def test_what_is_said_already_is_found_across_kinds() -> None:
    assert report("together").implied_by == ("at_most_6",)
    assert report("databases_at_most_24").implied_by == ("databases",)
    assert report("databases").implied_by == ()


# Histories


SETTING_UP: tuple[Command, ...] = (
    RegisterHost("big1", HostVersion.V2022, 64 * GiB, 0),
    RegisterHost("big2", HostVersion.V2022, 64 * GiB, 0),
    *[
        DefineVm(id, host, 2, Guest.WINDOWS, ConfigVersion(10, 0), MemorySetting.static(size * GiB), None)
        for id, host, size in (("db1", "big1", 8), ("db2", "big2", 9), ("db3", "big2", 7), ("web0", "big1", 5))
    ],
)


def run_one(world: World, chance: random.Random, number: int) -> tuple[Command, Any] | None:
    """Hosts and VMs that are large enough for breaches, then anything."""
    command = SETTING_UP[number] if number < len(SETTING_UP) else a_command(world, chance, number % 4)
    try:
        return command, world.execute(command)
    except InputError:
        return None


def breaches(world: World, was: dict[str, Vm], command: str) -> dict[str, set[str]]:
    """The independent reading: what is broken after a command, by policy; each VM is that of its id."""
    texts = {name: run(policy.text, name) for name, policy in policies().items()}
    broken: dict[str, set[str]] = {name: set() for name in texts}
    vms = {id: vm.state for id, vm in world.vms.items()}
    for name, (one, other) in {"together": ("db1", "web0"), "web_runs_only_beside_db": ("web0", "db1")}.items():
        if one in vms and other in vms and not texts[name](vms[one], vms[other]):
            broken[name].add(f"{one} and {other}")
    for name in ("databases", "databases_at_most_24"):
        if not texts[name](Group(sum(vm.held for id, vm in vms.items() if id.startswith("db")))):
            broken[name].add("the group databases")
    for id, vm in vms.items():
        if id in was and was[id] is not vm:
            if not texts["never_grows"](was[id], vm):
                broken["never_grows"].add(id)
            if command == "add-memory":
                broken["no_adding"].add(id)
    return broken


def test_what_is_proved_and_what_is_found_is_what_random_histories_do() -> None:
    expected_kinds = ("together", "web_runs_only_beside_db", "never_grows", "no_adding", "databases")
    asked = tuple(policies()[name] for name in expected_kinds)
    total: Counter[str] = Counter()
    for seed in range(12):
        chance, world = random.Random(seed), World()
        events: list[tuple[StreamName, Event]] = []
        expected: list[tuple[str, int]] = []
        before: dict[str, set[str]] = {name: set() for name in expected_kinds}
        for number in range(90):
            was = {id: vm.state for id, vm in world.vms.items()}
            done = run_one(world, chance, number)
            if done is None:
                continue
            command, answer = done
            first = answer.events[0][1] if answer.events else None
            recorded = first.command if isinstance(first, VmEvent) else ""
            after = breaches(world, was, recorded if accepted(answer.decision) else "")
            for name in expected_kinds:
                new = after[name] - (before[name] if name not in ("never_grows", "no_adding") else set())
                for _ in new:
                    expected.append((name, len(events) + 1))
                    total[name] += 1
                    assert report(name).commands[NAMES[type(command)]] is Kept.ENFORCED, (name, command, seed)
            before = after
            events += answer.events
        _, found = judge(asked, events)
        first_found = [
            (finding.rule.removeprefix("policy/"), finding.at.position)
            for finding in found
            if "less than before" not in finding.why
        ]
        assert sorted(first_found, key=str) == sorted(expected, key=str), seed
    assert all(total[name] > 2 for name in expected_kinds), total
