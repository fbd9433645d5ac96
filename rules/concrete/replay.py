"""Replay: CPython runs a model of the solver before the model is shown to anybody.

The world of the model is built, and the decider decides the command in it. The decision and the state afterwards must
equal the values of the terms. Every rule and predicate in the goal is called, and its result must equal the value of
its term. The goal must then be false. If not, the terms are wrong, not the program: that is an internal error.
"""

from __future__ import annotations

from ast import FunctionDef
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from rules.concrete.world import HERE, OTHER, VM, command_of, put_beside, site_in, world_of
from rules.obligations.builder import Obligation, base_command
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Literal, subterms, variables
from rules.symbolic.values import (
    SymbolicRecord,
    Value,
    concretize,
    concretize_all,
    field_types,
    is_record,
    leaves,
    symbolic,
)
from rules.transitions.vm_commands import Transition

Values = Mapping[str, Literal]
"""The values of variables, by name: a model of the solver."""

ARGUMENT_TYPES: Final[dict[str, type]] = {
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
"""The types of all arguments of commands by name, except the ids of VMs and hosts."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a rule that a reader read, and its result."""

    rule: Rule
    arguments: tuple[Value, ...]
    result: Value


class TracingReader(RuleReader):
    """A reader that records the calls that it reads, so that CPython can make the same calls."""

    def __init__(
        self, readable: Callable[[Rule], bool] = is_rule, definitions: Mapping[Rule, FunctionDef] | None = None
    ) -> None:
        super().__init__(readable, definitions)
        self._calls: dict[tuple[object, ...], Call] = {}

    @property
    def calls(self) -> list[Call]:
        """The recorded calls, each once."""
        return list(self._calls.values())

    def call(self, rule: Rule, arguments: Sequence[Value]) -> Value:
        """The result of a rule for these arguments. Only calls from outside are recorded, not those of other rules."""
        result = super().call(rule, arguments)
        if not self._stack:
            key = (rule, *[argument.key for argument in arguments])
            self._calls.setdefault(key, Call(rule, tuple(arguments), result))
        return result


@dataclass(frozen=True, slots=True)
class Execution:
    """A command that CPython executed, and all figures before and after it."""

    command: Command
    before: Mapping[str, Any]
    answer: Answer
    after: Mapping[str, Any]


def execute(world: World, command: Command) -> Execution:
    """Decides a command in a world and applies its events."""
    before = figures_in(world)
    answer = world.execute(command)
    return Execution(command=command, before=before, answer=answer, after=figures_in(world))


def figures_in(world: World) -> dict[str, Any]:
    """All figures in a world, stored and derived, by path: ``hv01.free``, ``web01.memory.startup``."""
    figures: dict[str, Any] = {}
    for id, host in world.hosts.items():
        figures |= figures_of(host.state, id)
        figures[f"{id}.free"] = host.state.free
        figures |= {f"{id}.book.{vm}": entry for vm, entry in host.book.items()}
    for id, vm in world.vms.items():
        figures[f"{id}.host"] = vm.host
        figures |= figures_of(vm.state, id)
        figures |= {f"{id}.visible": vm.state.visible, f"{id}.held": vm.state.held}
    return figures


def figures_of(value: object, name: str = "") -> dict[str, Any]:
    """The figures of a record, by path."""
    kind = cast("type", type(value))
    if not is_record(kind):
        return {name: value}
    figures: dict[str, Any] = {}
    for field in field_types(kind):
        figures |= figures_of(getattr(value, field), f"{name}.{field}" if name else field)
    return figures


def arguments_of(command: Command) -> dict[str, Any]:
    """The figures that a command names, by path, and the hosts and VMs that it names."""
    arguments: dict[str, Any] = {}
    for name in type(command).__slots__:
        value = getattr(command, name)
        if name not in ("vm", "host", "to", "name"):
            arguments |= figures_of(value, name)
        elif value is not None:
            arguments[name] = value
    return arguments


# Models of obligations


def complete(values: Values, *needed: Value) -> dict[str, Literal]:
    """The values, with defaults for those variables of ``needed`` that the model leaves out."""
    all_variables = variables(*[part for value in needed for _, part in leaves(value)])
    return {name: terms.simplest_value(variable.sort) for name, variable in all_variables.items()} | dict(values)


def symbolic_values(transition: Transition) -> list[Value]:
    """All symbolic values of a transition."""
    left = [value for value in (transition.left, transition.left_entry) if value is not None]
    return [*transition.arguments.values(), transition.before, transition.decision, transition.after, *left]


def execute_model(obligation: Obligation, values: Values, beside: SymbolicRecord | None = None) -> Execution | None:
    """Executes the command of a model in the state of the model; ``None`` if the obligation is about no command.

    ``beside`` is the site of another VM that is there too. Raises ``InternalError`` if the result is not what the
    model says.
    """
    transition = obligation.transition
    if transition is not None:
        return execute_transition(transition, complete(values, *symbolic_values(transition)), beside)
    name = None if obligation.command is None else base_command(obligation.command)
    if name not in ("register-host", "resize-host", "set-reserve", "define-vm"):
        return None
    site: Site = _concrete(Site, "site", values)
    host = _concrete(Host, "host", values) if "host.total" in values else site.host
    if name == "register-host":
        world = World()
    elif any(path.startswith("site.vm.") for path in values):
        world = world_of(site)
    else:
        world = world_of(None, host)
    if beside is not None:
        put_beside(world, concretize(beside, complete(values, beside)))
    arguments = {
        argument: _concrete(ARGUMENT_TYPES[argument], argument, values)
        for argument in ARGUMENT_TYPES.keys() & set(COMMANDS[name].__slots__)
    }
    return execute(world, command_of(name, arguments))


def _concrete(kind: type, name: str, values: Values) -> Any:
    """The Python value of the symbolic value of this name."""
    value = symbolic(name, kind)
    return concretize(value, complete(values, value))


def execute_transition(
    transition: Transition, values: Values, beside: SymbolicRecord | None = None
) -> Execution | None:
    """Executes the command of a transition in its state; ``None`` for a move to the VM's own host.

    Raises ``InternalError`` if the decision or the state afterwards is not what the terms say.
    """
    site: Site
    site, *given = concretize_all([transition.before, *transition.arguments.values()], values)
    arguments = dict(zip(transition.arguments, given, strict=True))
    destination: Host | None = arguments.pop("destination", None)
    if arguments.pop("same_host", False):
        return None  # the model has values for two hosts, but there is only one
    world = world_of(site, destination=destination)
    if beside is not None:
        put_beside(world, concretize(beside, complete(values, beside)))
    execution = execute(world, command_of(transition.command, arguments))
    left = [value for value in (transition.left, transition.left_entry) if value is not None]
    decision, accepted, after, *left_after = concretize_all(
        [transition.decision, transition.accepted, transition.after, *left], values
    )
    _require_equal(f"The decision of {transition.command}", execution.answer.decision, decision)
    if VM not in world.vms:
        return execution
    if not left or accepted:
        _require_equal(f"The state after {transition.command}", site_in(world), after)
    if left:
        here = world.host(HERE)
        _require_equal(f"The host that the VM left by {transition.command}", [here.state, here.entry(VM)], left_after)
    return execution


def _require_equal(what: str, executed: object, expected: object) -> None:
    if executed != expected:
        raise InternalError(
            f"{what} is {executed} in the program, but {expected} in the terms that were read from it.\n"
            "This is a bug in Nilometer, in its reader of rules or in its decider, not in the rules: please report it."
        )


# The parts of a goal


def confirm(
    obligation: Obligation, values: Values, calls: Iterable[Call], *, assumed: bool = True
) -> list[tuple[Call, Any]]:
    """Calls every rule and predicate in an obligation; returns these calls with the results of CPython.

    Raises ``InternalError`` if a result is not the value of its term, if the goal is true, or, with ``assumed``, if an
    assumption is false.
    """
    term_ids = set(map(id, subterms(*obligation.assumes, obligation.goal)))
    values = complete(values, obligation.goal, *obligation.assumes)
    results: list[tuple[Call, Any]] = []
    for call in calls:
        parts = [part for _, part in leaves(call.result)]
        is_part = any(part.parts and id(part) in term_ids for part in parts)
        if is_part and variables(*parts).keys() <= values.keys():
            known = complete(values, *call.arguments)
            result = call.rule(*[concretize(argument, known) for argument in call.arguments])
            _require_equal(f"The result of {call.rule.__qualname__}", result, concretize(call.result, known))
            results.append((call, result))
    for condition in obligation.assumes if assumed else ():
        _require_equal("An assumption", terms.evaluate(condition, values), True)
    _require_equal(f"The goal of {obligation.name}", terms.evaluate(obligation.goal, values), False)
    return results


# The values of variables in a world


def variable_values(world: World, command: Command) -> dict[str, Literal]:
    """The values of the variables of obligations, just before a command is decided in a world."""
    name = NAMES[type(command)]
    values: dict[str, Literal] = {}
    for argument in ARGUMENT_TYPES.keys() & set(type(command).__slots__):
        values |= figures_of(getattr(command, argument), argument)
    match command:
        case RegisterHost():
            return values
        case DefineVm(host=id) | ResizeHost(host=id) | SetReserve(host=id) | RemoveHost(host=id):
            host = world.host(id).state
            values |= figures_of(host, "site.host") | {"site.entry": 0} | figures_of(host, "host")
            vms = [vm for vm in world.vms.values() if vm.host == id]
            if name == "remove-host":
                values["vms"] = len(vms)
            elif vms and name != "define-vm":
                values |= figures_of(site_in(world, vms[0].id), "site")
        case MoveVm(vm=vm, to=to):
            values |= figures_of(site_in(world, vm), "site") | figures_of(world.host(to).state, "destination")
            values |= {"same_host": world.vm(vm).host == to, **_group_of_one(world, vm)}
        case _:
            values |= figures_of(site_in(world, command.vm), "site") | _group_of_one(world, command.vm)
    if OTHER in world.vms:
        values |= figures_of(site_in(world, OTHER), "other")
    return values


def _group_of_one(world: World, vm: str) -> dict[str, Literal]:
    """The book of a group that only this VM is in."""
    return {"group.held": world.vm(vm).state.held, "others": 0, "is_in": True}
