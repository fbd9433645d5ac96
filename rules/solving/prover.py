"""The prover: asks Z3 of each obligation whether anything could break it.

``proved`` means that nothing can: the negated goal has no model. ``refuted`` has a model. ``unknown`` is neither:
the solver gave up within its budget, and nothing is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rules.obligations import Obligation
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term

BUDGET: Final = 20_000_000
"""Steps of the solver for one obligation (``rlimit``); the slowest takes a hundredth of it."""


class ProofVerdict(StrEnum):
    """What became of an obligation."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


VERDICTS: Final = {False: ProofVerdict.PROVED, True: ProofVerdict.REFUTED, None: ProofVerdict.UNKNOWN}
"""The verdict, by whether anything was found that breaks the goal."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An obligation and its verdict."""

    obligation: Obligation
    verdict: ProofVerdict
    seconds: float
    model: Mapping[str, Literal] | None = None
    """Of a refuted one: values of its variables under which the assumptions hold and the goal does not."""
    reason: str = ""
    """Of an unknown one: why the solver gave up."""


class Prover:
    """One solver for many obligations: those with the same assumptions share them."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.solver = Solver(budget)

    def prove(self, obligations: Iterable[Obligation]) -> Iterator[Proof]:
        """The verdict of each obligation, as it is reached. Those with the same assumptions come together."""
        for assumes, group in grouped(obligations).items():
            with self.solver.assuming(assumes):
                for obligation in group:
                    begun = time.perf_counter()
                    answer = self.solver.ask(terms.negation(obligation.goal))
                    seconds = time.perf_counter() - begun
                    model = answer.values if answer.holds else None
                    yield Proof(obligation, VERDICTS[answer.holds], seconds, model, answer.reason)

    def smallest(self, obligation: Obligation) -> Mapping[str, Literal]:
        """A small model of a refuted obligation, always the same."""
        return self.solver.smallest(*obligation.assumes, terms.negation(obligation.goal))

    def smtlib(self, obligation: Obligation) -> str:
        """An obligation as SMT-LIB: its assumptions and its goal negated, so that ``unsat`` means proved."""
        return self.solver.smtlib(*obligation.assumes, terms.negation(obligation.goal))


def grouped(obligations: Iterable[Obligation]) -> dict[tuple[Term, ...], list[Obligation]]:
    """Obligations by what they assume, in the order in which they first come."""
    groups: dict[tuple[Term, ...], list[Obligation]] = {}
    for obligation in obligations:
        groups.setdefault(obligation.assumes, []).append(obligation)
    return groups
