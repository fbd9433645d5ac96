"""Guards: the conditions that decide how a command is answered, and whether each of them matters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from domain.resizing import set_memory, set_memory_refusal
from domain.state import Host, Site
from rules.concrete.replay import ARGUMENT_TYPES
from rules.obligations import ObligationBuilder
from rules.search.actions import Action, writable
from rules.solving.solver import SatResult, Solver
from rules.specification.figures import FLOOR
from rules.specification.invariants import host_is_real, host_never_overcommitted
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, ZERO, Literal, Op, Term, subterms
from rules.symbolic.values import SymbolicRecord, as_term, symbolic
from rules.transitions.vm_commands import SITE


def check_guards(builder: ObligationBuilder, action: Action, solver: Solver) -> Iterator[tuple[Term, SatResult]]:
    """Checks every condition of a command; the result is satisfiable if the condition matters.

    It matters if in some state that satisfies the invariants the answer would be another, were the condition otherwise;
    and if there are states, reachable or not, in which it is true and matters, and in which it is false and matters.
    """
    answer = [action.decision.term("outcome"), action.decision.term("code")]
    atoms = _atoms(_own_conditions(builder, action.command) or answer)
    matters = {atom: _matters(atom, answer) for atom in atoms}
    with solver.assuming(preconditions(builder, action)):
        results = {atom: solver.ask(matters[atom]) for atom in atoms}
    with solver.assuming(writable_arguments(action)):
        for atom in atoms:
            result = results[atom]
            if result.holds:
                # In the state that was found, the condition has one of its values and matters: the other is left.
                other = terms.negation(atom) if _is_true(atom, result.values) else atom
                if other not in _never_matters(atom):
                    result = solver.ask(other, matters[atom], with_values=False)
            yield atom, result


def _is_true(atom: Term, values: Mapping[str, Literal]) -> bool:
    """Whether a condition is true for these values; others may have any."""
    known = {
        name: values[name] if name in values else terms.simplest_value(variable.sort)
        for name, variable in terms.variables(atom).items()
    }
    return bool(terms.evaluate(atom, known))


# States in which a command is decided

_ON_HOSTS: Final = ("resize-host", "set-reserve", "remove-host", "define-vm")


def preconditions(builder: ObligationBuilder, action: Action) -> list[Term]:
    """The invariants of the state before a command, and that its arguments can be written."""
    conditions = writable_arguments(action)
    if action.command == "register-host":
        return conditions
    if action.command in _ON_HOSTS:
        empty = SymbolicRecord(Site, {**SITE.fields, "entry": ZERO})
        count = terms.variable("vms", int)
        return [*conditions, *_host_invariants(builder, empty), terms.at_most(ZERO, count)]
    conditions += builder.invariants(SITE)
    if action.command == "move-vm":
        there = SymbolicRecord(Site, {**SITE.fields, "host": symbolic("destination", Host), "entry": ZERO})
        conditions += _host_invariants(builder, there)
    return conditions


def writable_arguments(action: Action) -> list[Term]:
    """Conditions that are true if a script can contain the arguments of a command."""
    return [
        condition for name in action.arguments for condition in writable(name, symbolic(name, ARGUMENT_TYPES[name]))
    ]


def _host_invariants(builder: ObligationBuilder, site: SymbolicRecord) -> list[Term]:
    return [builder.apply(invariant, site=site) for invariant in (host_is_real, host_never_overcommitted)]


# Conditions


def _own_conditions(builder: ObligationBuilder, command: str) -> list[Term]:
    """Terms with the conditions of ``set-memory`` itself, which then becomes another command; none for others."""
    if command != "set-memory":
        return []
    program, vm = builder.program, SITE["vm"]
    resize = program.call(set_memory, [vm, symbolic("size", int)])
    return [as_term(program.call(set_memory_refusal, [vm])), as_term(resize)]


def _matters(atom: Term, answer: list[Term]) -> Term:
    """The term that is true if the answer would be another, were the condition otherwise."""
    if_true, if_false = (terms.replace_all(answer, atom, value) for value in (TRUE, FALSE))
    return terms.either(*[terms.negation(terms.equal(*pair)) for pair in zip(if_true, if_false, strict=True)])


def _never_matters(atom: Term) -> list[Term]:
    """Values of a condition that never matter, by design: a valid maximum is never below the floor."""
    return [terms.negation(atom)] if _FLOOR_OF_MAXIMUM.fullmatch(terms.show(atom)) else []


_FLOOR_OF_MAXIMUM: Final = re.compile(rf"\({FLOOR} <= .*memory\.maximum\)")


def _atoms(roots: list[Term]) -> list[Term]:
    """The conditions in these terms that contain no other condition."""
    visited: set[int] = set()
    atoms: list[Term] = []
    for part in subterms(*roots):
        has_condition = any(id(inner) in visited for inner in part.parts)
        if has_condition or (part.sort is bool and part.op is not Op.CONSTANT):
            visited.add(id(part))
            if not has_condition:
                atoms.append(part)
    return atoms
