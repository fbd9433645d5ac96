"""Actions: the decision of each command, and the state after it if it is accepted, for any state and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain.quantities import LARGEST
from domain.settings import GENERATIONS, Mode
from domain.state import Site
from rules.concrete.replay import ARGUMENT_TYPES
from rules.obligations import ObligationBuilder
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Op, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, leaves
from rules.transitions.host_commands import HostCommand
from rules.transitions.vm_commands import Transition


@dataclass(frozen=True, slots=True)
class Action:
    """A command as one step of a search, over the variables of a site and of the command's arguments."""

    command: str
    arguments: tuple[str, ...]
    """The names of the arguments that a script gives, without the ids of hosts and VMs."""
    decision: SymbolicRecord
    accepted: Term
    after: Mapping[str, Value]
    """The state if it is accepted: ``host``, ``vm`` and ``entry``. For ``move-vm``, ``host`` and ``entry`` are those of
    the source; ``there`` and ``arrived`` are host and entry of the destination."""


def actions_by_command(builder: ObligationBuilder) -> dict[str, Action]:
    """The actions of all commands, by command."""
    actions = [*map(_vm_action, builder.transitions.values()), *map(_host_action, builder.host_commands.values())]
    return {action.command: action for action in actions}


def _host_action(command: HostCommand) -> Action:
    after: dict[str, Value] = {}
    if command.after is not None:
        after = {"vm": command.after["vm"]} if command.after.kind is Site else {"host": command.after}
    return Action(
        command=command.command,
        arguments=tuple(name for name in command.arguments if name in ARGUMENT_TYPES),
        decision=command.decision,
        accepted=command.accepted,
        after=after,
    )


def _vm_action(transition: Transition) -> Action:
    def if_accepted(value: Value) -> Value:
        if isinstance(value, SymbolicRecord):
            return SymbolicRecord(value.kind, {name: if_accepted(inner) for name, inner in value.fields.items()})
        is_choice = value.op is Op.CHOOSE and value.parts[0] is transition.accepted
        return value.parts[1] if is_choice else value

    after = {name: if_accepted(value) for name, value in transition.after.fields.items()}
    if transition.left is not None and transition.left_entry is not None:
        after = {
            "host": if_accepted(transition.left),
            "vm": after["vm"],
            "entry": if_accepted(transition.left_entry),
            "there": after["host"],
            "arrived": after["entry"],
        }
    return Action(
        command=transition.command,
        arguments=tuple(name for name in transition.arguments if name in ARGUMENT_TYPES),
        decision=transition.decision,
        accepted=transition.accepted,
        after=after,
    )


# Arguments

_LARGEST_VERSION: Final = 9999
_MAY_BE_NEGATIVE: Final = ("buffer", "weight")


def writable(name: str, argument: Value) -> list[Term]:
    """Conditions that are true if a script can contain this value of an argument."""
    if name == "generation":
        number = cast("Term", argument)
        return [terms.either(*[terms.equal(number, terms.constant(generation)) for generation in GENERATIONS])]
    conditions: list[Term] = []
    for path, part in leaves(argument, name):
        if part.sort is int:
            figure = path.rpartition(".")[2]
            most = terms.constant(_LARGEST_VERSION if figure in ("major", "minor") else LARGEST)
            least = terms.negate(most) if figure in _MAY_BE_NEGATIVE else ZERO
            conditions += [terms.at_most(least, part), terms.at_most(part, most)]
    if name == "memory":
        memory = as_record(argument)
        zeros = [terms.equal(memory.term(figure), ZERO) for figure in ("minimum", "maximum", "buffer", "weight")]
        is_static = terms.equal(memory.term("mode"), terms.constant(Mode.STATIC))
        conditions.append(terms.implies(is_static, terms.both(*zeros)))
    return conditions
