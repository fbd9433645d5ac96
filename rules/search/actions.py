"""Deeds: what each command of the model decides, and what it does if it is accepted, for any state and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain.quantities import LARGEST
from domain.settings import Mode
from domain.state import Site
from rules.concrete.replay import ARGUMENTS
from rules.obligations import Obligations
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Op, Term
from rules.symbolic.values import SymbolicRecord, Value, leaves
from rules.transitions.host_commands import HostCommand
from rules.transitions.vm_commands import Transition, record


@dataclass(frozen=True, slots=True)
class Action:
    """A command, over the variables of a site and of its arguments."""

    name: str
    arguments: tuple[str, ...]
    decision: SymbolicRecord
    accepted: Term
    after: Mapping[str, Value]
    """What is there if it is accepted: ``host``, ``vm``, ``entry``; of a move also ``there`` and ``arrived``."""


def actions_by_name(obligations: Obligations) -> dict[str, Action]:
    """Every command of the model, by its name."""
    found = {each.command: _of_transition(each) for each in obligations.transitions.values()}
    return found | {each.command: _of_host_command(each) for each in obligations.host_commands.values()}


def _of_host_command(command: HostCommand) -> Action:
    arguments = tuple(name for name in command.arguments if name in ARGUMENTS)
    after: dict[str, Value] = {}
    if command.after is not None:
        after = {"vm": command.after["vm"]} if command.after.kind is Site else {"host": command.after}
    return Action(command.command, arguments, command.decision, command.accepted, after)


def _of_transition(transition: Transition) -> Action:
    takes_place = transition.accepted

    def if_accepted(value: Value) -> Value:
        if isinstance(value, SymbolicRecord):
            return SymbolicRecord(value.kind, {name: if_accepted(inner) for name, inner in value.fields.items()})
        chosen = value.op is Op.CHOOSE and value.parts[0] is takes_place
        return value.parts[1] if chosen else value

    reached = {name: if_accepted(value) for name, value in transition.after.fields.items()}
    if transition.left is None or transition.left_entry is None:
        after = reached
    else:
        after = {
            "host": if_accepted(transition.left),
            "vm": reached["vm"],
            "entry": if_accepted(transition.left_entry),
            "there": reached["host"],
            "arrived": reached["entry"],
        }
    arguments = tuple(name for name in transition.arguments if name in ARGUMENTS)
    return Action(transition.command, arguments, transition.decision, takes_place, after)


# What can be written

_VERSION: Final = 9999
_NUMBERS: Final = ("buffer", "weight")


def can_be_written(name: str, argument: Value) -> list[Term]:
    """That an argument is one that a script can have."""
    if name == "generation":
        number = cast("Term", argument)
        return [terms.either(terms.equal(number, terms.constant(1)), terms.equal(number, terms.constant(2)))]
    conditions: list[Term] = []
    for path, part in leaves(argument, name):
        if part.sort is int:
            last = path.rpartition(".")[2]
            most = terms.constant(_VERSION if last in ("major", "minor") else LARGEST)
            least = terms.negate(most) if last in _NUMBERS else ZERO
            conditions += [terms.at_most(least, part), terms.at_most(part, most)]
    if name == "memory":
        memory = record(argument)
        others = [terms.equal(memory.term(each), ZERO) for each in ("minimum", "maximum", "buffer", "weight")]
        static = terms.equal(memory.term("mode"), terms.constant(Mode.STATIC))
        conditions.append(terms.implies(static, terms.both(*others)))
    return conditions
