"""Mutation of the specification: each clause is left out, to find out what it is good for.

A clause is *needed* if without it something else is no longer proved. It *bites* if its predicate refutes some wrong
program only because of it. A clause that does neither is *decoration*.
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
from rules.solving.verdict import ProofVerdict
from rules.specification.predicate import PREDICATES, is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule, source_of
from rules.symbolic.terms import Literal

LEFT_OUT: Final = frozenset(("dropped condition", "dropped guard"))
ALIKE: Final = 4
"""The number of wrong programs of one kind at one place that a clause is tried with."""


class Worth(StrEnum):
    """The worth of a clause."""

    NEEDED = "needed"
    BITES = "bites"
    DECORATION = "decoration"
    REFUSED = "refused"
    """Without it the predicate cannot be read."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a predicate that can be left out."""

    change: Changed

    @property
    def name(self) -> str:
        """Its place, and the predicate without it."""
        change = self.change
        return f"{change.place}: {change.rule.__name__}: {change.was} → {change.now}"


@cache
def clauses() -> list[Clause]:
    """All clauses, always in the same order."""
    marked = tuple(PREDICATES)
    variants = (variant for predicate in PREDICATES for variant in changed(predicate, marked))
    return [Clause(variant) for variant in variants if variant.kind in LEFT_OUT]


class Wrong:
    """A wrong program, with its obligations that differ from those of the right one."""

    def __init__(self, judge: Judge, mutant: Mutant) -> None:
        self.mutant = mutant
        self.changed: dict[str, Obligation] = {}
        self._broken: dict[str, Mapping[str, Literal] | None] = {}
        self._claims: ObligationBuilder | None = None
        try:
            with mutant.in_place():
                self._claims = ObligationBuilder(judge.programs.patched(mutant.definitions), judge.right.specification)
            self.changed = {obligation.name: obligation for obligation in judge.changed(mutant)}
        except UnreadableRule:
            pass

    def is_refuted(self, judge: Judge, name: str) -> bool:
        """Whether the obligation of this name refutes it."""
        if name not in self._broken:
            self._broken[name] = _model(judge, self.changed[name])
        return self._broken[name] is not None

    def is_proved_again(self, judge: Judge, name: str, obligation: Obligation) -> bool:
        """Whether an obligation that refuted it is proved under another specification.

        The model that broke it is tried first: mostly it still does.
        """
        values = complete(self._broken[name] or {}, obligation.goal, *obligation.assumes)
        assumed = all(terms.evaluate(condition, values) for condition in obligation.assumes)
        if assumed and not terms.evaluate(obligation.goal, values):
            return False
        return _model(judge, obligation) is None

    def rebuilt(self, judge: Judge, specification: RuleReader, names: list[str]) -> Iterator[tuple[str, Obligation]]:
        """The obligations of these names under another specification. All are built only if necessary."""
        claims = {claim.name: claim for claim in CLAIMS}
        with self.mutant.in_place():
            if self._claims is not None:
                for name in claims.keys() & set(names):
                    builder = self._claims.with_specification(specification)
                    add_claim(builder, claims[name])
                    yield name, builder.obligations[0]
            if rest := set(names) - claims.keys():
                obligations = build_all(
                    ObligationBuilder(judge.programs.patched(self.mutant.definitions), specification)
                )
                yield from ((obligation.name, obligation) for obligation in obligations if obligation.name in rest)


def _model(judge: Judge, obligation: Obligation) -> Mapping[str, Literal] | None:
    """Values that refute an obligation; ``None`` if it is not refuted."""
    proof = next(iter(judge.prover.prove([obligation])))
    return (proof.model or {}) if proof.verdict is ProofVerdict.REFUTED else None


@cache
def _predicates() -> Readers:
    return Readers(PREDICATES, is_predicate)


@cache
def _shuffled_mutants() -> list[Mutant]:
    """Wrong programs in a random order, at most ``ALIKE`` of one kind at one place."""
    alike: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in all_mutants():
        if mutant.row is None:
            alike.setdefault((mutant.place, mutant.kind), []).append(mutant)
    some = [mutant for group in alike.values() for mutant in group[:ALIKE]]
    return random.Random(0).sample(some, len(some))


@cache
def _wrong(mutant: int) -> Wrong:
    return Wrong(the_judge(), _shuffled_mutants()[mutant])


def _all_wrong() -> Iterator[Wrong]:
    return map(_wrong, range(len(_shuffled_mutants())))


@cache
def _depending_on(predicate: Rule) -> frozenset[str]:
    """The obligations whose goal depends on a predicate: the goal changes if the predicate is negated."""
    tree = source_of(predicate).tree
    negated = _Negate().visit(deepcopy(tree))
    judge = the_judge()
    try:
        obligations = build_all(ObligationBuilder(judge.programs.original, _predicates().patched({predicate: negated})))
    except UnreadableRule:  # its result is not a condition
        return frozenset()
    return frozenset(obligation.name for obligation in obligations if _has_other_goal(judge, obligation))


def _has_other_goal(judge: Judge, obligation: Obligation) -> bool:
    """Whether an obligation has another goal than the right one. Other assumptions do not count: they prove no more."""
    return judge.obligations[obligation.name].goal is not obligation.goal


class _Negate(ast.NodeTransformer):
    def visit_Return(self, node: ast.Return) -> ast.Return:
        assert node.value is not None
        return ast.copy_location(ast.Return(placed(ast.UnaryOp(ast.Not(), node.value), node.value)), node)


def worth(index: int, programs: Iterable[Mutant] | None = None) -> tuple[int, Worth, str]:
    """The worth of the clause at an index of the list, and the evidence. Tries all wrong programs, or these."""
    change = clauses()[index].change
    without = _predicates().patched({change.rule: change.definition})
    judge = the_judge()
    try:
        right = build_all(ObligationBuilder(judge.programs.original, without))
    except UnreadableRule as error:
        return index, Worth.REFUSED, str(error).splitlines()[0]
    changed_obligations = [obligation for obligation in right if judge.is_changed(obligation)]
    for proof in judge.prover.prove(changed_obligations):
        if proof.verdict is not ProofVerdict.PROVED:
            return index, Worth.NEEDED, proof.obligation.name
    names = _depending_on(change.rule) | {
        obligation.name for obligation in changed_obligations if _has_other_goal(judge, obligation)
    }
    for wrong in _all_wrong() if programs is None else [Wrong(judge, mutant) for mutant in programs]:
        refuted = [name for name in names & wrong.changed.keys() if wrong.is_refuted(judge, name)]
        for name, obligation in wrong.rebuilt(judge, without, refuted):
            if wrong.is_proved_again(judge, name, obligation):
                return index, Worth.BITES, f"{name} lets through {wrong.mutant.name}"
    return index, Worth.DECORATION, ""
