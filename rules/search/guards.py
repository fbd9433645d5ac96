"""Guards: the conditions under which commands are answered one way or another, and whether each of them decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from domain.resizing import set_memory, set_memory_refusal
from domain.state import Host, Site
from rules.concrete.replay import ARGUMENTS
from rules.obligations import Obligations
from rules.search.actions import Action, can_be_written
from rules.solving.solver import SatResult, Solver
from rules.specification.figures import FLOOR
from rules.specification.invariants import host_is_real, host_never_overcommitted
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, ZERO, Op, Term, subterms
from rules.symbolic.values import SymbolicRecord, anything
from rules.transitions.vm_commands import SITE, term


def guards_of(obligations: Obligations, action: Action, solver: Solver) -> Iterator[tuple[Term, SatResult]]:
    """Every condition of a command, and whether it decides: in a state that can be, were it otherwise, so were the
    answer; and in some state, reachable or not, it holds and decides, and in some it fails and decides.
    """
    told = [action.decision.term("outcome"), action.decision.term("code")]
    atoms = _atoms(_own(obligations, action.name) or told)
    decides = {id(atom): _decides(atom, told) for atom in atoms}
    with solver.assuming(where(obligations, action)):
        answers = {id(atom): solver.ask(decides[id(atom)]) for atom in atoms}
    with solver.assuming(written(action)):
        for atom in atoms:
            answer = answers[id(atom)]
            for way in (atom, terms.negation(atom)):
                if answer.holds and way not in _implied(atom):
                    answer = solver.ask(way, decides[id(atom)])
            yield atom, answer


# Where a command is asked

_ON_HOSTS: Final = ("resize-host", "set-reserve", "remove-host", "define-vm")


def where(obligations: Obligations, action: Action) -> list[Term]:
    """That the invariants hold before a command, and that it can be written."""
    given = written(action)
    if action.name == "register-host":
        return given
    if action.name in _ON_HOSTS:
        empty = SymbolicRecord(Site, {**SITE.fields, "entry": ZERO})
        count = terms.variable("vms", int)
        return [*given, *_are_real(obligations, empty), terms.at_most(ZERO, count)]
    assumes = [*given, *obligations.invariants(SITE)]
    if action.name == "move-vm":
        there = SymbolicRecord(Site, {**SITE.fields, "host": anything("destination", Host), "entry": ZERO})
        assumes += _are_real(obligations, there)
    return assumes


def written(action: Action) -> list[Term]:
    """That the arguments of a command can be written."""
    return [each for name in action.arguments for each in can_be_written(name, anything(name, ARGUMENTS[name]))]


def _are_real(obligations: Obligations, site: SymbolicRecord) -> list[Term]:
    read = obligations.specification
    return [term(read.call(each, [site])) for each in (host_is_real, host_never_overcommitted)]


# Conditions


def _own(obligations: Obligations, name: str) -> list[Term]:
    """Where the conditions of a command's own stand, if it becomes another command after them."""
    if name != "set-memory":
        return []
    program, vm = obligations.program, SITE["vm"]
    asked = program.call(set_memory, [vm, anything("size", int)])
    return [term(program.call(set_memory_refusal, [vm])), term(asked)]


def _decides(atom: Term, told: list[Term]) -> Term:
    """That an answer would be another if a condition were otherwise."""
    yes, no = (terms.replace_all(told, atom, each) for each in (TRUE, FALSE))
    return terms.either(*[terms.negation(terms.equal(one, other)) for one, other in zip(yes, no, strict=True)])


def _implied(atom: Term) -> list[Term]:
    """The ways in which a condition never decides, by design: a valid maximum is no less than a valid minimum."""
    return [terms.negation(atom)] if _FLOOR_OF_MAXIMUM.fullmatch(terms.show(atom)) else []


_FLOOR_OF_MAXIMUM: Final = re.compile(rf"\({FLOOR} <= .*memory\.maximum\)")


def _atoms(told: list[Term]) -> list[Term]:
    """The conditions within terms that are made of no other conditions."""
    made: set[int] = set()
    found: list[Term] = []
    for part in subterms(*told):
        inside = any(id(inner) in made for inner in part.parts)
        if inside or (part.sort is bool and part.op is not Op.CONSTANT):
            made.add(id(part))
            if not inside:
                found.append(part)
    return found
