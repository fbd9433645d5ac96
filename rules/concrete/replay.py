"""Confirming: a model of the solver is run by CPython before anybody is told of it.

The world that a model speaks of is built, the decider decides the command on it, and what it decides and what is there
afterwards must be what the terms say; every rule and sentence that the goal is made of is called and must answer what
the terms say; and the goal must then be false. If not, the terms are wrong, not the program: an internal error.
"""

from __future__ import annotations

from ast import FunctionDef
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from domain.commands import (
    COMMANDS,
    NAMES,
    Command,
    DefineVm,
    MoveVm,
    RegisterHost,
    RemoveHost,
    ResizeHost,
    SetReserve,
)
from domain.deciding.answer import Answer
from domain.deciding.world import World
from domain.errors import InternalError
from domain.guests import Guest
from domain.rule import Rule, is_rule
from domain.settings import ConfigVersion, HostVersion, MemorySetting
from domain.state import Host, Site
from rules.concrete.world import HERE, OTHER, VM, command_of, site_in, world_of
from rules.obligations import Obligation
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Literal, Term, subterms, variables
from rules.symbolic.values import Value, anything, bring_back, exactly, leaves
from rules.transitions.vm_commands import Transition

Values = Mapping[str, Literal]

ARGUMENTS: Final[dict[str, type]] = {
    "total": int,
    "reserve": int,
    "version": HostVersion,
    "generation": int,
    "guest": Guest,
    "config_version": ConfigVersion,
    "memory": MemorySetting,
    "amount": int,
    "size": int,
    "in_use": int,
}
"""What commands are given, by name, beside the ids of VMs and hosts."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a reader was asked, and what it answered."""

    rule: Rule
    arguments: tuple[Value, ...]
    answer: Value


class TracingReader(RuleReader):
    """A reader that keeps what it was asked, so that CPython can be asked the same."""

    def __init__(
        self, readable: Callable[[Rule], bool] = is_rule, definitions: Mapping[Rule, FunctionDef] | None = None
    ) -> None:
        super().__init__(readable, definitions)
        self._calls: dict[tuple[object, ...], Call] = {}

    @property
    def calls(self) -> list[Call]:
        """Every question that was asked of it, once."""
        return list(self._calls.values())

    def call(self, rule: Rule, arguments: Sequence[Value]) -> Value:
        """What a rule answers to arguments."""
        answer = super().call(rule, arguments)
        if not self._open:
            key = (rule, *[argument.key for argument in arguments])
            self._calls.setdefault(key, Call(rule, tuple(arguments), answer))
        return answer


@dataclass(frozen=True, slots=True)
class Execution:
    """A command that CPython decided, and all figures before and after."""

    command: Command
    before: Mapping[str, Any]
    answer: Answer
    after: Mapping[str, Any]


def run(world: World, command: Command) -> Execution:
    """Decides a command in a world and lets it happen."""
    before = figures(world)
    answer = world.execute(command)
    return Execution(command, before, answer, figures(world))


def figures(world: World) -> dict[str, Any]:
    """All figures in a world by their paths, as ``hv01.free`` or ``web01.memory.startup``; also those derived."""
    found: dict[str, Any] = {}
    for id, host in world.hosts.items():
        found |= {f"{id}.{path}": value for path, value in plain(host.state).items()}
        found[f"{id}.free"] = host.state.free
        found |= {f"{id}.book.{vm}": entry for vm, entry in host.book.items()}
    for id, vm in world.vms.items():
        found[f"{id}.host"] = vm.host
        found |= {f"{id}.{path}": value for path, value in plain(vm.state).items()}
        found |= {f"{id}.visible": vm.state.visible, f"{id}.held": vm.state.held}
    return found


def plain(value: object, name: str = "") -> dict[str, Any]:
    """The figures of a record by their paths."""
    return {path: cast("Literal", term.leaf) for path, term in leaves(exactly(value), name)}


# A model of an obligation


def completed(values: Values, *needed: Value) -> dict[str, Literal]:
    """Values also of variables that the solver had no reason to speak of."""
    every = variables(*[part for value in needed for _, part in leaves(value)])
    return {name: _nothing(variable) for name, variable in every.items()} | dict(values)


def _nothing(variable: Term) -> Literal:
    if issubclass(variable.sort, StrEnum):
        return next(iter(variable.sort))
    return variable.sort()


def of_transition(transition: Transition) -> list[Value]:
    """All that a transition speaks of."""
    more: list[Value] = [] if transition.left is None else [transition.left]
    more += [] if transition.left_entry is None else [transition.left_entry]
    return [*transition.arguments.values(), transition.before, transition.decision, transition.after, *more]


def ran_by_model(obligation: Obligation, values: Values) -> Execution | None:
    """What CPython does with the state and the command of a model; ``None`` if it is about no command.

    Raises ``InternalError`` if that is not what the model says.
    """
    transition = obligation.transition
    if transition is not None:
        return ran_transition(transition, completed(values, *of_transition(transition)))
    name = None if obligation.command is None else bare(obligation.command)
    if name not in ("register-host", "resize-host", "set-reserve", "define-vm"):
        return None
    site: Site = _rebuilt(Site, "site", values)
    host = _rebuilt(Host, "host", values) if "host.total" in values else site.host
    if name == "register-host":
        world = World()
    elif any(each.startswith("site.vm.") for each in values):
        world = world_of(site)
    else:
        world = world_of(None, host)
    given = {each: _rebuilt(ARGUMENTS[each], each, values) for each in ARGUMENTS.keys() & set(COMMANDS[name].__slots__)}
    return run(world, command_of(name, given))


def _rebuilt(kind: type, name: str, values: Values) -> Any:
    """A value of Python from the values of the variables that make it."""
    whole = anything(name, kind)
    return bring_back(whole, completed(values, whole))


def bare(command: str) -> str:
    """A command's name without what is said of it, as of ``move-vm (source)``."""
    return command.partition(" (")[0]


def ran_transition(transition: Transition, values: Values) -> Execution | None:
    """What CPython does with a transition's state and arguments; ``None`` of a move to the host where the VM is.

    Raises ``InternalError`` if the decision, or what is there afterwards, is not what the terms say.
    """
    site: Site = bring_back(transition.before, values)
    given = {name: bring_back(value, values) for name, value in transition.arguments.items()}
    destination: Host | None = given.pop("destination", None)
    if given.pop("same_host", False):
        return None  # then there is one host, and the model speaks of two
    world = world_of(site, destination=destination)
    ran = run(world, command_of(transition.command, given))
    _agree(f"{transition.command} is decided", ran.answer.decision, bring_back(transition.decision, values))
    if VM not in world.vms:
        return ran
    accepted = bring_back(transition.accepted, values)
    if transition.left is None or accepted:
        _agree(f"{transition.command} comes to", site_in(world), bring_back(transition.after, values))
    if transition.left is not None and transition.left_entry is not None:
        left = bring_back(transition.left, values), bring_back(transition.left_entry, values)
        _agree(f"{transition.command} leaves", (world.host(HERE).state, world.host(HERE).entry(VM)), left)
    return ran


def _agree(what: str, found: object, told: object) -> None:
    if found != told:
        raise InternalError(
            f"{what} {found} by the program, and {told} by what was read of it.\n"
            "This is a bug in Nilometer, in its reader of rules or in its decider, not in the rules: please report it."
        )


# What a goal is made of


def confirm(
    obligation: Obligation, values: Values, calls: Iterable[Call], *, assumed: bool = True
) -> list[tuple[Call, Any]]:
    """Calls every rule and sentence that a goal is made of; returns those sentences and rules with their answers.

    Raises ``InternalError`` if one answers something else than its terms say, or if the assumptions do not hold or the
    goal does.
    """
    made_of = set(map(id, subterms(*obligation.assumes, obligation.goal)))
    whole = completed(values, obligation.goal, *obligation.assumes)
    found: list[tuple[Call, Any]] = []
    for call in calls:
        parts = [part for _, part in leaves(call.answer)]
        speaks = any(part.parts and id(part) in made_of for part in parts)
        if speaks and variables(*parts).keys() <= whole.keys():
            given = completed(whole, *call.arguments)
            answer = call.rule(*[bring_back(argument, given) for argument in call.arguments])
            _agree(f"{call.rule.__qualname__} answers", answer, bring_back(call.answer, given))
            found.append((call, answer))
    for condition in obligation.assumes if assumed else ():
        _agree("an assumption is", terms.evaluate(condition, whole), True)
    _agree(f"{obligation.name} is", terms.evaluate(obligation.goal, whole), False)
    return found


# Values of what is in a world


def values_in(world: World, command: Command) -> dict[str, Literal]:
    """The values of the variables of obligations, for a command that is about to be decided in a world."""
    name = NAMES[type(command)]
    found: dict[str, Literal] = {}
    for each in ARGUMENTS.keys() & set(type(command).__slots__):
        found |= plain(getattr(command, each), each)
    match command:
        case RegisterHost():
            return found
        case DefineVm(host=id) | ResizeHost(host=id) | SetReserve(host=id) | RemoveHost(host=id):
            found |= plain(world.host(id).state, "site.host") | {"site.entry": 0} | plain(world.host(id).state, "host")
            on = [vm for vm in world.vms.values() if vm.host == id]
            if name == "remove-host":
                found["vms"] = len(on)
            elif on and name != "define-vm":
                found |= plain(site_in(world, on[0].id), "site")
        case MoveVm(vm=vm, to=to):
            found |= plain(site_in(world, vm), "site") | plain(world.host(to).state, "destination")
            found["same_host"] = world.vm(vm).host == to
        case _:
            found |= plain(site_in(world, command.vm), "site")
    if OTHER in world.vms:
        found |= plain(site_in(world, OTHER), "other")
    return found
