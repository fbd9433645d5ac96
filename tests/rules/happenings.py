"""Happenings: commands that the real decider answered, with the states before and after, and falsified copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, cast

from domain.commands import COMMANDS
from domain.decision import Decision, accepted
from domain.errors import InputError
from domain.quantities import QUANTUM
from domain.settings import MemorySetting
from domain.state import Host, Site
from rules.claims import Claim, CommandState, holds
from rules.concrete.replay import ARGUMENT_TYPES
from tests.domain.world import World, read
from tests.oracle.strategies import Seeded, next_line


@dataclass(frozen=True)
class Happening:
    """One command that was answered."""

    command: str
    before: CommandState
    after: CommandState
    decision: Decision
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])

    def keeps(self, claim: Claim) -> bool | None:
        """Whether a claim holds for it; ``None`` if the claim is not asked."""
        return holds(
            claim, before=self.before, after=self.after, decision=self.decision, arguments=dict(self.arguments)
        )


def happened(seeds: range, lines: int) -> Iterator[Happening]:
    """The happenings of seeded histories; ``set-memory`` also as the command that it becomes."""
    for seed in seeds:
        world, chooser = World(), Seeded(seed)
        for _ in range(lines):
            yield from _asked(world, next_line(chooser, world.snapshot()))


def _asked(world: World, line: dict[str, Any]) -> Iterator[Happening]:
    name = str(line["command"])
    try:
        command = read(line)
    except InputError:
        return
    given = {argument: getattr(command, argument) for argument in ARGUMENT_TYPES.keys() & set(COMMANDS[name].__slots__)}
    host, vm, to = (str(getattr(command, name, "")) for name in ("host", "vm", "to"))
    if name not in ("register-host", "define-vm") and vm in world.vms:
        host = world.vm(vm).host
    before = _there(world, "" if name == "define-vm" else vm, host)
    if host in world.hosts:
        given["vms"] = world.count_vms(host)
    if to in world.hosts:
        given |= {"destination": world.host(to).state, "same_host": to == host}
    try:
        answer = world.ask(line)
    except InputError:
        return
    after = _there(world, vm, host)
    if isinstance(before, Site):  # it moved away, or was removed
        left = replace(before, host=world.host(host).state, entry=world.host(host).entry(vm))
        given["left"] = left
        after = after if isinstance(after, Site) else left
    yield Happening(name, before, after, answer.decision, given)
    if answer.command != name:
        yield Happening(answer.command, before, after, answer.decision, _as_becomes(answer.command, given, before))


def _there(world: World, vm: str, host: str) -> CommandState:
    """The state that a command reads or leaves: the site of the VM, or the host, or nothing."""
    if vm in world.vms:
        return world.host(world.vm(vm).host).site(world.vm(vm))
    return world.host(host).state if host in world.hosts else None


def _as_becomes(command: str, given: dict[str, Any], before: CommandState) -> dict[str, Any]:
    """The arguments of the command that ``set-memory`` becomes."""
    assert isinstance(before, Site)
    if command == "configure-memory":
        return {"memory": MemorySetting.static(given["size"])}
    difference = given["size"] - before.vm.assigned
    return {"amount": difference if command == "add-memory" else -difference}


# Falsified copies


def wrong(happening: Happening) -> Iterator[Happening]:
    """Copies with one wrong figure: in the decision, or in the state before or after."""
    for decision in changed(happening.decision):
        begins = happening.command in ("register-host", "define-vm")
        if not (begins and accepted(decision) and not accepted(happening.decision)):  # then nothing has begun
            yield replace(happening, decision=decision)
    for after in changed(happening.after):
        yield replace(happening, after=after)
    for before in changed(happening.before):
        yield replace(happening, before=before)
    for name in ("left", "destination"):
        for other in changed(happening.arguments.get(name)):
            yield replace(happening, arguments={**happening.arguments, name: other})


def changed(value: Any) -> Iterator[Any]:
    """Copies of a value with one part changed."""
    match value:
        case None:
            return
        case bool():
            yield not value
        case int():
            yield from (value + size for size in (1, -1, QUANTUM, -QUANTUM, 2**50))
        case StrEnum():
            yield from (member for member in type(value) if member is not value)
        case _:
            for part in fields(cast("Host", value)):  # or any other record
                for other in changed(getattr(value, part.name)):
                    yield replace(value, **{part.name: other})
