"""Deeds: what each command of the model decides, and what it does if it is accepted, for any state and arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from domain import evolve, hosts, lifecycle
from domain.decision import accepted
from domain.quantities import LARGEST
from domain.settings import Mode
from rules import terms
from rules.confirming import ARGUMENTS
from rules.obligations import Obligations
from rules.reader import Rule
from rules.terms import ZERO, Op, Term
from rules.transitions import SITE, Transition, record, term
from rules.values import Record, Value, anything, leaves


@dataclass(frozen=True, slots=True)
class Deed:
    """A command, over the variables of a site and of its arguments."""

    name: str
    arguments: tuple[str, ...]
    decision: Record
    accepted: Term
    after: Mapping[str, Value]
    """What is there if it is accepted: ``host``, ``vm``, ``entry``; of a move also ``there`` and ``arrived``."""


def deeds(obligations: Obligations) -> dict[str, Deed]:
    """Every command of the model, by its name."""
    program = obligations.program
    found = {each.command: _of_transition(each) for each in obligations.transitions.values()}

    def on_hosts(name: str, decide: Rule, takes: Sequence[str], changes: Mapping[str, tuple[Rule, list[str]]]) -> None:
        decision = record(program.call(decide, [_given(each) for each in takes]))
        after = {
            what: program.call(change, [_given(each) for each in given]) for what, (change, given) in changes.items()
        }
        given = [*takes, *[each for _, given in changes.values() for each in given]]
        arguments = tuple(each for each in dict.fromkeys(given) if each in ARGUMENTS)
        found[name] = Deed(name, arguments, decision, term(program.call(accepted, [decision])), after)

    setting = ["generation", "guest", "config_version", "memory"]
    begun = {"host": (evolve.host_registered, ["total", "reserve", "version"])}
    on_hosts("register-host", hosts.register_host, ["total", "reserve"], begun)
    resized = {"host": (evolve.host_resized, ["host", "total"])}
    on_hosts("resize-host", hosts.resize_host, ["host", "total"], resized)
    on_hosts("set-reserve", hosts.set_reserve, ["host", "reserve"], {"host": (evolve.reserve_set, ["host", "reserve"])})
    on_hosts("remove-host", hosts.remove_host, ["vms"], {})
    on_hosts("define-vm", lifecycle.define_vm, ["host", "generation", "memory"], {"vm": (evolve.vm_defined, setting)})
    return found


def _given(name: str) -> Value:
    return SITE["host"] if name == "host" else anything(name, ARGUMENTS.get(name, int))


def _of_transition(transition: Transition) -> Deed:
    takes_place = transition.accepted

    def if_accepted(value: Value) -> Value:
        if isinstance(value, Record):
            return Record(value.kind, {name: if_accepted(inner) for name, inner in value.fields.items()})
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
    return Deed(transition.command, arguments, transition.decision, takes_place, after)


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
