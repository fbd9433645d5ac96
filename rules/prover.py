"""The prover: asks Z3 of each obligation whether anything could break it.

``proved`` means that nothing can: the negated goal has no model. ``refuted`` has a model. ``unknown`` is neither:
the solver gave up within its budget, and nothing is claimed. Budgets are counted in the solver's own steps, not in
seconds, so that a verdict does not depend on how busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import z3

from rules import terms
from rules.obligations import Obligation
from rules.smt import Translation
from rules.terms import Literal, Term, variables

BUDGET: Final = 20_000_000
"""Steps of the solver for one obligation (``rlimit``); the slowest takes a hundredth of it."""


class Verdict(StrEnum):
    """What became of an obligation."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Proof:
    """An obligation and its verdict."""

    obligation: Obligation
    verdict: Verdict
    seconds: float
    model: Mapping[str, Literal] | None = None
    """Of a refuted one: values of its variables under which the assumptions hold and the goal does not."""
    reason: str = ""
    """Of an unknown one: why the solver gave up."""


class Prover:
    """One solver for many obligations: those with the same assumptions share them."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._translate = Translation()
        self._solver = z3.Solver(ctx=self._translate.context)
        self._solver.set("rlimit", budget)

    def prove(self, obligations: Iterable[Obligation]) -> Iterator[Proof]:
        """The verdict of each obligation, as it is reached. Those with the same assumptions come together."""
        for assumes, group in grouped(obligations).items():
            self._solver.push()
            try:
                self._assume(assumes)
                for obligation in group:
                    yield self._prove(obligation)
            finally:  # also if nobody asks for the rest
                self._solver.pop()

    def smtlib(self, obligation: Obligation) -> str:
        """An obligation as SMT-LIB: its assumptions and its goal negated, so that ``unsat`` means proved."""
        self._solver.push()
        self._assume([*obligation.assumes, terms.negation(obligation.goal)])
        text = self._solver.to_smt2()
        self._solver.pop()
        return text

    def _assume(self, conditions: Iterable[Term]) -> None:
        conditions = tuple(conditions)
        for condition in conditions:
            self._solver.add(self._translate.truth(condition))
        self._solver.add(*self._translate.ranges(conditions))

    def _prove(self, obligation: Obligation) -> Proof:
        begun = time.perf_counter()
        self._solver.push()
        self._assume([terms.negation(obligation.goal)])
        found = self._solver.check()
        model, reason = None, ""
        if found == z3.sat:
            names = variables(*obligation.assumes, obligation.goal)
            model = self._translate.values(self._solver.model(), names)
        elif found == z3.unknown:
            reason = self._solver.reason_unknown()
        self._solver.pop()
        verdict = Verdict.PROVED if found == z3.unsat else Verdict.REFUTED if found == z3.sat else Verdict.UNKNOWN
        return Proof(obligation, verdict, time.perf_counter() - begun, model, reason)


def grouped(obligations: Iterable[Obligation]) -> dict[tuple[Term, ...], list[Obligation]]:
    """Obligations by what they assume, in the order in which they first come."""
    groups: dict[tuple[Term, ...], list[Obligation]] = {}
    for obligation in obligations:
        groups.setdefault(obligation.assumes, []).append(obligation)
    return groups
