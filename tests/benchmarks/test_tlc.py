"""The program decides every transition of a small world as TLC told it, from a spec that was written by hand."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest

from benchmarks.tlc.golden import Golden, Row, State, read, spec
from domain.commands import Command
from domain.deciding.answer import Answer
from domain.deciding.decider import decide
from domain.deciding.reads import load
from domain.decision import Code
from domain.identifiers import split_stream
from domain.quantities import MiB
from domain.state import Vm
from tests.domain import world as worlds
from tests.domain.given import given
from tests.domain.world import World
from tests.oracle.shapes import Line

HOST: Final[Line] = {"command": "register-host", "host": "h", "version": "2022", "total": 70 * MiB, "reserve": MiB}
ARGUMENTS: Final = {"report-in-use": "in_use", "add-memory": "amount", "remove-memory": "amount"} | {
    "grow": "amount",
    "reclaim": "amount",
}
UNDEFINED: Final[Row] = ("none", "none", "none", *[0] * 6, False, 0, 0, False, 0)


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read()


@dataclass(frozen=True)
class Disagreement:
    """A transition that the program takes otherwise."""

    before: State
    command: Row
    tlc: tuple[Row, State]
    program: tuple[Row, State]


def test_the_program_decides_every_transition_as_tlc_does(golden: Golden) -> None:
    world = given(HOST).world
    reached = {0: world}
    for step in golden.transitions:
        before, after = reached[step.before], golden.states[step.after]
        command = asked(step.command)
        answer = decide(command, load(command, before))
        world = after_all(before, answer)

        found = (told(answer), state(world))
        due = (step.answer, after)
        assert found == due, Disagreement(golden.states[step.before], step.command, due, found)
        reached.setdefault(step.after, world)

    assert len(reached) == len(golden.states)


def test_the_transitions_are_those_of_the_spec_as_it_is_now(golden: Golden) -> None:
    assert golden.spec == spec(), "the spec has changed: python -m benchmarks.tlc.golden"


def test_every_command_of_the_spec_is_granted_and_refused_and_every_code_of_it_is_met(golden: Golden) -> None:
    outcomes = Counter((step.command[0], step.answer[0]) for step in golden.transitions)
    commands = {command for command, _ in outcomes}
    assert len(commands) == 13
    for command in commands:
        assert outcomes[command, "rejected"]
        assert outcomes[command, "done"] or outcomes[command, "completed"]

    for command in ("add-memory", "remove-memory", "grow", "reclaim"):
        assert outcomes[command, "partially-completed"]
        assert outcomes[command, "failed"]
    never = {"host-would-be-overcommitted", "host-not-empty", "not-while-running", "static-while-running"}
    never |= {"same-host", "configuration-version", "policy"}
    assert {step.answer[1] for step in golden.transitions} == {code.value or "none" for code in Code} - never


def after_all(before: World, answer: Answer) -> World:
    """Another world, in which what was decided has happened. It shares what no event is about."""
    vms, hosts = dict(before.vms), dict(before.hosts)
    for stream, _ in answer.events:
        kind, id = split_stream(stream)
        if kind == "host":
            hosts[id] = copy(hosts[id])
            hosts[id].book = dict(hosts[id].book)
        elif id in vms:
            vms[id] = copy(vms[id])
    after = World(vms, hosts, set(before.begun))
    after.record(answer.events)
    return after


@cache
def asked(command: Row) -> Command:
    """A command of the spec as the program reads it."""
    name, vm, *arguments = command
    line: Line = {"command": name, "vm": vm}
    if name == "define-vm":
        guest, mode, startup, minimum, maximum = arguments
        line |= {"host": "h", "generation": 2, "guest": guest, "config_version": "10.0"}
        sizes = {"minimum": minimum * MiB, "startup": startup * MiB, "maximum": maximum * MiB}
        line["memory"] = {mode: {"size": startup * MiB} if mode == "static" else {**sizes, "buffer": 20, "weight": 50}}
    elif name in ARGUMENTS:
        line[ARGUMENTS[name]] = arguments[0] * MiB
    return worlds.read(line)


def told(answer: Answer) -> Row:
    """An answer as the spec tells it."""
    code = "none" if answer.code is None else answer.code.value
    return answer.outcome.value, code, mib(answer.granted or 0)


def state(world: World) -> State:
    """A world as the spec tells it."""
    a, b = (row(world.vms[id].state) if id in world.vms else UNDEFINED for id in ("a", "b"))
    book = world.hosts["h"].book
    return State(a, b, mib(book.get("a", 0)), mib(book.get("b", 0)))


@cache
def row(vm: Vm) -> Row:
    """A VM as the spec tells it."""
    memory = vm.memory
    settings = mib(memory.startup), mib(memory.minimum), mib(memory.maximum)
    balloon = mib(vm.assigned), mib(vm.ballooned), mib(vm.in_use), vm.in_use_reported, mib(vm.paged_out)
    rest = mib(vm.high_watermark), vm.vsc, mib(vm.hot_pluggable)
    return vm.power.value, vm.guest.value, memory.mode.value, *settings, *balloon, *rest


def mib(size: int) -> int:
    """A size in MiB, as the spec counts."""
    assert size % MiB == 0
    return size // MiB
