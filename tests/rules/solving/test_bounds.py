"""Bounds prove what fits, and never what does not: each step is the solver's own."""

from __future__ import annotations

import pytest

from rules.obligations import Obligation
from rules.obligations.definitions import LARGEST, OVERFLOW, TOO_LARGE
from rules.solving.bounds import BoundsProver, Interval
from rules.solving.prover import BUDGET, Prover
from rules.solving.solver import Solver
from rules.solving.verdict import ProofVerdict
from rules.symbolic import terms
from rules.symbolic.terms import Op, Term, constant, variable
from tests.rules.running import program

X, Y = variable("x", int), variable("y", int)


def within(number: Term, bound: int) -> Term:
    return terms.both(terms.at_most(number, constant(bound)), terms.at_most(terms.negate(number), constant(bound)))


def fits(number: Term, limit: int, *assumes: Term) -> Obligation:
    goal = terms.both(
        terms.less(number, constant(limit)),
        terms.less(terms.negate(number), constant(limit)),
    )
    return Obligation(kind=OVERFLOW, rule="fits_64_bits", command=None, assumes=assumes, goal=goal)


def by_bounds(budget: int = BUDGET) -> BoundsProver:
    return BoundsProver(Solver(budget))


def test_all_obligations_of_64_bits_are_proved_by_bounds() -> None:
    prover = by_bounds()
    about = [obligation for obligation in program().obligations if obligation.kind == OVERFLOW]
    assert len(about) > 10
    assert all(map(prover.proves, about))


NUMBERS = {
    "sum": (terms.add(X, Y), 20),
    "difference": (terms.subtract(X, Y), 20),
    "product": (terms.multiply(X, constant(-3)), 30),
    "quotient": (terms.divide(X, constant(4)), 3),
    "remainder": (terms.remainder(X, constant(7)), 6),
    "least": (terms.least(X, terms.add(Y, constant(90))), 10),
    "most": (terms.most(X, terms.multiply(Y, constant(2))), 20),
    "choice": (terms.choose(terms.less(X, Y), X, terms.add(Y, constant(5))), 15),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_fits_below_the_first_limit_that_it_cannot_reach(name: str) -> None:
    number, largest = NUMBERS[name]
    assumes = (within(X, 10), within(Y, 10))
    assert by_bounds().proves(fits(number, largest + 1, *assumes))
    assert not by_bounds().proves(fits(number, largest, *assumes))


def test_what_nothing_bounds_is_not_proved() -> None:
    assert not by_bounds().proves(fits(X, TOO_LARGE))
    assert not by_bounds().proves(fits(X, TOO_LARGE, terms.at_most(X, constant(LARGEST))))
    assert not by_bounds().proves(fits(terms.add(X, Y), TOO_LARGE, within(X, LARGEST)))


def test_what_bounds_cannot_prove_is_left_to_the_solver() -> None:
    """That a difference is small, where an assumption says that its parts are close, needs more than their bounds."""
    close = terms.at_most(X, Y), terms.at_most(Y, X)
    small = fits(terms.subtract(X, Y), 1, within(X, 10), within(Y, 10), *close)
    large = fits(terms.subtract(X, Y), 1, within(X, 10), within(Y, 10))
    assert not by_bounds().proves(small)
    proofs = {proof.obligation.assumes: proof for proof in Prover().prove([small, large])}
    assert proofs[small.assumes].verdict is ProofVerdict.PROVED
    assert proofs[large.assumes].verdict is ProofVerdict.REFUTED
    assert proofs[large.assumes].model is not None


def test_a_wrong_step_is_found_by_the_solver() -> None:
    parts = (Interval(0, 10), Interval(0, 10))
    assert by_bounds().checks((Op.ADD, parts, Interval(0, 20)))
    assert not by_bounds().checks((Op.ADD, parts, Interval(0, 19)))
    assert not by_bounds().checks((Op.SUBTRACT, parts, Interval(-9, 10)))
    assert not by_bounds().checks((Op.CHOOSE, (Interval(0, 1), Interval(5, 6)), Interval(0, 5)))


def test_without_a_budget_no_step_is_checked() -> None:
    wide = Interval(-LARGEST, LARGEST)
    assert not by_bounds(1).checks((Op.MULTIPLY, (wide, Interval(3, 3)), Interval(-3 * LARGEST, 3 * LARGEST)))
