"""The prover: asks Z3 whether the assumptions of an obligation and its negated goal are unsatisfiable.

``proved`` means unsatisfiable: nothing breaks the goal. ``refuted`` means satisfiable: a model breaks it. ``unknown``
means neither: the solver gave up within its budget, and nothing is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rules.obligations import Obligation
from rules.obligations.definitions import OVERFLOW
from rules.solving.bounds import BoundsProver
from rules.solving.solver import SatResult, Solver
from rules.solving.verdict import ProofVerdict
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term

BUDGET: Final = 20_000_000
"""Solver steps (``rlimit``) for one obligation; the slowest needs a hundredth of them."""


VERDICTS: Final = {False: ProofVerdict.PROVED, True: ProofVerdict.REFUTED, None: ProofVerdict.UNKNOWN}
"""The verdict, by whether the negated goal is satisfiable."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An obligation and its verdict."""

    obligation: Obligation
    verdict: ProofVerdict
    seconds: float
    model: Mapping[str, Literal] | None = None
    """For a refuted one: values of its variables for which the assumptions are true and the goal is false."""
    reason: str = ""
    """For an unknown one: why the solver gave up."""


class Prover:
    """Proves many obligations with one solver. Those with the same assumptions share them."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self.solver = Solver(budget)
        self._bounds = BoundsProver(self.solver)

    def prove(self, obligations: Iterable[Obligation]) -> Iterator[Proof]:
        """Yields the proof of each obligation as it is known, grouped by assumptions."""
        for assumes, group in grouped(obligations).items():
            rest: list[Obligation] = []
            for obligation in group:
                begun = time.perf_counter()
                if obligation.kind == OVERFLOW and self._bounds.proves(obligation):
                    seconds = time.perf_counter() - begun
                    yield Proof(obligation=obligation, verdict=ProofVerdict.PROVED, seconds=seconds)
                else:
                    rest.append(obligation)
            if rest:
                yield from self._prove_group(assumes, rest)

    def _prove_group(self, assumes: tuple[Term, ...], group: Iterable[Obligation]) -> Iterator[Proof]:
        results: dict[Term, SatResult] = {}  # some goals are those of several rules
        with self.solver.assuming(assumes):
            for obligation in group:
                begun = time.perf_counter()
                result = results.get(obligation.goal)
                if result is None:
                    result = results[obligation.goal] = self.solver.ask(terms.negation(obligation.goal))
                seconds = time.perf_counter() - begun
                yield Proof(
                    obligation=obligation,
                    verdict=VERDICTS[result.holds],
                    seconds=seconds,
                    model=dict(result.values) if result.holds else None,
                    reason=result.reason,
                )

    def smallest(self, obligation: Obligation) -> Mapping[str, Literal]:
        """A small model of a refuted obligation; the same one each time."""
        return self.solver.smallest(*obligation.assumes, terms.negation(obligation.goal))

    def smtlib(self, obligation: Obligation) -> str:
        """An obligation in SMT-LIB: its assumptions and its negated goal, so that ``unsat`` means proved."""
        return self.solver.smtlib(*obligation.assumes, terms.negation(obligation.goal))


def grouped(obligations: Iterable[Obligation]) -> dict[tuple[Term, ...], list[Obligation]]:
    """Obligations by their assumptions, in the order of their first occurrence."""
    groups: dict[tuple[Term, ...], list[Obligation]] = {}
    for obligation in obligations:
        groups.setdefault(obligation.assumes, []).append(obligation)
    return groups
