"""Guards: the conditions that decide how a command is answered, and whether each of them matters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from domain.resizing import set_memory, set_memory_refusal
from domain.state import Host, Site
from rules.concrete.replay import ARGUMENT_TYPES, Values, complete
from rules.obligations import ObligationBuilder
from rules.search.actions import Action, writable
from rules.solving.solver import SatResult, Solver
from rules.specification.figures import FLOOR
from rules.specification.invariants import host_is_real, host_never_overcommitted
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, ZERO, Evaluator, Op, Term, subterms
from rules.symbolic.values import SymbolicRecord, as_term, symbolic
from rules.transitions.vm_commands import SITE


def check_guards(
    builder: ObligationBuilder, action: Action, solver: Solver, states: Sequence[Values] = ()
) -> Iterator[tuple[Term, SatResult]]:
    """Checks every condition of a command; the result is satisfiable if the condition matters.

    It matters if in some state that satisfies the invariants the answer would be another, were the condition otherwise;
    and if there are states, reachable or not, in which it is true and matters, and in which it is false and matters.
    ``states`` that satisfy the invariants may be known; where none of them shows that, the solver is asked.
    """
    answer = [action.decision.term("outcome"), action.decision.term("code")]
    atoms = _atoms(_own_conditions(builder, action.command) or answer)
    shown = _ShownValues(atoms, answer)
    for state in states:
        shown.add(state)
    results: dict[Term, SatResult] = {}
    with solver.assuming(preconditions(builder, action)):
        for atom in atoms:
            if not shown.of[atom]:
                results[atom] = result = solver.ask(_matters(atom, answer))
                if result.holds:
                    shown.add(complete(result.values, *answer))
    with solver.assuming(writable_arguments(action)):
        for atom in atoms:
            result = results.get(atom, _SATISFIABLE)
            for other, value in ((atom, True), (terms.negation(atom), False)):
                if result.holds and value not in shown.of[atom] and other not in _never_matters(atom):
                    result = solver.ask(other, _matters(atom, answer))
                    if result.holds:
                        shown.add(complete(result.values, *answer))
            yield atom, result


_SATISFIABLE: Final = SatResult(True, {})
"""The result where a known state shows it."""


class _ShownValues:
    """The values that states have shown conditions to have where they matter."""

    def __init__(self, atoms: Sequence[Term], answer: Sequence[Term]) -> None:
        self.of: Final = {atom: set[bool]() for atom in atoms}
        self._evaluate: Final = Evaluator([*answer, *atoms])
        self._parts: Final = len(answer)

    def add(self, state: Values) -> None:
        """Adds a state: there, each condition in turn is taken to be otherwise than it is."""
        values = self._evaluate(state)
        for (atom, shown), value in zip(self.of.items(), values[self._parts :], strict=True):
            if value not in shown:
                otherwise = self._evaluate(state, {atom: not value})
                if otherwise[: self._parts] != values[: self._parts]:
                    shown.add(bool(value))


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
