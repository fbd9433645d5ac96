"""Mutation of the specification: each clause is left out, to see whether anything rests on it.

A clause is *needed* if without it something that holds is no longer proved: others rest on it. It *bites* if some wrong
program is refuted by its sentence only because of it. A clause that does neither is decoration.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from domain.rule import Rule
from mutants.judging import Judge, Readers
from mutants.operators import placed
from mutants.places import Changed, changed
from mutants.program import Mutant
from mutants.running import all_mutants, the_judge
from rules.claims import CLAIMS
from rules.concrete.replay import complete
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.obligations.claims import add_claim
from rules.solving.prover import ProofVerdict
from rules.specification.predicate import PREDICATES, is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule, source_of
from rules.symbolic.terms import Literal

LEFT_OUT: Final = frozenset(("dropped condition", "dropped guard"))
ALIKE: Final = 4
"""Wrong programs of one kind at one place that a clause is tried with."""


class Worth(StrEnum):
    """What a clause is good for."""

    NEEDED = "needed"
    BITES = "bites"
    DECORATION = "decoration"
    REFUSED = "refused"
    """Without it the sentence cannot be read."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence of the specification that can be left out."""

    change: Changed

    @property
    def name(self) -> str:
        """Its place, and the sentence without it."""
        each = self.change
        return f"{each.place}: {each.rule.__name__}: {each.was} → {each.now}"


@cache
def clauses() -> list[Clause]:
    """All clauses, always in the same order."""
    marked = tuple(PREDICATES)
    return [Clause(each) for predicate in PREDICATES for each in changed(predicate, marked) if each.kind in LEFT_OUT]


class Wrong:
    """What a wrong program has to be proved of, as far as it is other than the right one's."""

    def __init__(self, judge: Judge, mutant: Mutant) -> None:
        self.mutant = mutant
        self.changed: dict[str, Obligation] = {}
        self._broken: dict[str, Mapping[str, Literal] | None] = {}
        self._claims: ObligationBuilder | None = None
        try:
            with mutant.in_place():
                self._claims = ObligationBuilder(judge.programs.patched(mutant.definitions), judge.right.specification)
            self.changed = {each.name: each for each in judge.changed(mutant)}
        except UnreadableRule:
            pass

    def is_refuted(self, judge: Judge, name: str) -> bool:
        """Whether it is refuted by an obligation."""
        if name not in self._broken:
            self._broken[name] = _model(judge, self.changed[name])
        return self._broken[name] is not None

    def is_free(self, judge: Judge, name: str, obligation: Obligation) -> bool:
        """Whether what refuted it holds, as it is written now. Mostly the state that broke it still does."""
        values = complete(self._broken[name] or {}, obligation.goal, *obligation.assumes)
        if all(terms.evaluate(each, values) for each in obligation.assumes) and not terms.evaluate(
            obligation.goal, values
        ):
            return False
        return _model(judge, obligation) is None

    def written(self, judge: Judge, specification: RuleReader, names: list[str]) -> Iterator[tuple[str, Obligation]]:
        """Obligations of these names under another specification; the whole of it only where there is no other way."""
        claims = {claim.name: claim for claim in CLAIMS}
        with self.mutant.in_place():
            if self._claims is not None:
                for name in claims.keys() & set(names):
                    builder = self._claims.with_specification(specification)
                    add_claim(builder, claims[name])
                    yield name, builder.obligations[0]
            if rest := set(names) - claims.keys():
                made = build_all(ObligationBuilder(judge.programs.patched(self.mutant.definitions), specification))
                yield from ((each.name, each) for each in made if each.name in rest)


def _model(judge: Judge, obligation: Obligation) -> Mapping[str, Literal] | None:
    """Values that refute an obligation, if there are any."""
    proof = next(iter(judge.prover.prove([obligation])))
    return (proof.model or {}) if proof.verdict is ProofVerdict.REFUTED else None


@cache
def _predicates() -> Readers:
    return Readers(PREDICATES, is_predicate)


@cache
def _in_some_order() -> list[Mutant]:
    """Wrong rules, of many that are wrong alike at one place only some."""
    alike: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in all_mutants():
        if mutant.row is None:
            alike.setdefault((mutant.place, mutant.kind), []).append(mutant)
    some = [mutant for each in alike.values() for mutant in each[:ALIKE]]
    return random.Random(0).sample(some, len(some))


@cache
def _wrong(mutant: int) -> Wrong:
    return Wrong(the_judge(), _in_some_order()[mutant])


def _all_wrong() -> Iterator[Wrong]:
    return map(_wrong, range(len(_in_some_order())))


@cache
def _of_predicate(predicate: Rule) -> frozenset[str]:
    """The obligations whose goal a sentence has a say in: it changes if the sentence says the opposite."""
    tree = source_of(predicate).tree
    opposite = _Opposite().visit(deepcopy(tree))
    judge = the_judge()
    try:
        made = build_all(ObligationBuilder(judge.programs.original, _predicates().patched({predicate: opposite})))
    except UnreadableRule:  # it answers no condition
        return frozenset()
    return frozenset(each.name for each in made if _is_another(judge, each))


def _is_another(judge: Judge, obligation: Obligation) -> bool:
    """Whether an obligation has another goal: what is only assumed otherwise lets nothing more through."""
    return judge.obligations[obligation.name].goal is not obligation.goal


class _Opposite(ast.NodeTransformer):
    def visit_Return(self, node: ast.Return) -> ast.Return:
        assert node.value is not None
        return ast.copy_location(ast.Return(placed(ast.UnaryOp(ast.Not(), node.value), node.value)), node)


def worth(place: int, programs: Iterable[Mutant] | None = None) -> tuple[int, Worth, str]:
    """What the clause at a place of the list is good for, and what shows it; tried with all programs, or these."""
    change = clauses()[place].change
    without = _predicates().patched({change.rule: change.definition})
    judge = the_judge()
    try:
        right = build_all(ObligationBuilder(judge.programs.original, without))
    except UnreadableRule as refusal:
        return place, Worth.REFUSED, str(refusal).splitlines()[0]
    touched = [each for each in right if judge.is_changed(each)]
    for proof in judge.prover.prove(touched):
        if proof.verdict is not ProofVerdict.PROVED:
            return place, Worth.NEEDED, proof.obligation.name
    names = _of_predicate(change.rule) | {each.name for each in touched if _is_another(judge, each)}
    for wrong in _all_wrong() if programs is None else [Wrong(judge, mutant) for mutant in programs]:
        refuted = [name for name in names & wrong.changed.keys() if wrong.is_refuted(judge, name)]
        for name, obligation in wrong.written(judge, without, refuted):
            if wrong.is_free(judge, name, obligation):
                return place, Worth.BITES, f"{name} lets through {wrong.mutant.name}"
    return place, Worth.DECORATION, ""
