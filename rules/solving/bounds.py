"""Bounds: proves that figures are below a limit from the bounds of what they are computed of, one operation at a time.

The bounds of a sum, a minimum, a choice follow from those of its parts. Python's arithmetic finds them, and the solver
checks each such step, of unknown parts within their bounds: so no step is trusted, and all are small. What this cannot
prove may still be true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, cast

from rules.obligations import Obligation
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import Op, Term, subterms


class Interval(NamedTuple):
    """The least and the largest value that a figure can have."""

    least: int
    most: int


Step = tuple[Op, tuple[Interval, ...], Interval]
"""An operation, the intervals of the numbers that it takes, and that of its result."""


class BoundsProver:
    """Proves obligations by bounds. Steps that the solver has checked are kept."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._checked: dict[Step, bool] = {}

    def proves(self, obligation: Obligation) -> bool:
        """Whether the goal, a conjunction of inequalities, follows from the bounds that the assumptions set."""
        intervals = dict(_assumed(obligation.assumes))
        for part in subterms(obligation.goal):
            if part.sort is int and part not in intervals:
                found = self._interval(part, intervals)
                if found is not None:
                    intervals[part] = found
        return all(_holds(condition, intervals) for condition in _conjuncts(obligation.goal))

    def _interval(self, term: Term, known: dict[Term, Interval]) -> Interval | None:
        """The checked interval of a term; ``None`` if none follows from the intervals of its parts."""
        if term.op is Op.CONSTANT:
            number = cast("int", term.leaf)
            return Interval(number, number)
        numbers = [part for part in term.parts if part.sort is int]
        if not numbers or any(part not in known for part in numbers):
            return None
        parts = tuple(known[part] for part in numbers)
        result = _result(term.op, parts)
        return result if self.checks((term.op, parts, result)) else None

    def checks(self, step: Step) -> bool:
        """Whether the solver finds that the result is in its interval wherever the parts are in theirs."""
        agreed = self._checked.get(step)
        if agreed is None:
            op, parts, result = step
            numbers = [_number(place, part) for place, part in enumerate(parts)]
            conditions = [_is_within(number, part) for number, part in zip(numbers, parts, strict=True)]
            given = [terms.variable("condition", bool), *numbers] if op is Op.CHOOSE else numbers
            conditions.append(terms.negation(_is_within(terms.BUILDERS[op](*given), result)))
            agreed = self._checked[step] = self._solver.ask(*conditions, with_values=False).holds is False
        return agreed


def _number(place: int, interval: Interval) -> Term:
    """A number in an interval: a constant, if there is only one."""
    if interval.least == interval.most:
        return terms.constant(interval.least)
    return terms.variable(f"part {place}", int)


def _is_within(number: Term, interval: Interval) -> Term:
    return terms.both(
        terms.at_most(terms.constant(interval.least), number), terms.at_most(number, terms.constant(interval.most))
    )


def _result(op: Op, parts: tuple[Interval, ...]) -> Interval:
    """The interval of a result: its ends come from those of the parts, as every operation is monotone in each."""
    if op is Op.CHOOSE:
        return Interval(min(part.least for part in parts), max(part.most for part in parts))
    if op is Op.REMAINDER:
        return Interval(0, parts[1].most - 1)
    apply = terms.MEANINGS[op]
    ends = [cast("int", apply(*some)) for some in _products(parts)]
    return Interval(min(ends), max(ends))


def _products(parts: tuple[Interval, ...]) -> Iterator[tuple[int, ...]]:
    """Every choice of one end of each interval."""
    if not parts:
        yield ()
        return
    for end in parts[0]:
        for rest in _products(parts[1:]):
            yield (end, *rest)


def _conjuncts(*conditions: Term) -> Iterator[Term]:
    for condition in conditions:
        if condition.op is Op.AND:
            yield from _conjuncts(*condition.parts)
        else:
            yield condition


def _holds(condition: Term, intervals: dict[Term, Interval]) -> bool:
    """Whether a condition is true for all numbers in their intervals; ``False`` also if that is not known."""
    if condition is terms.TRUE:
        return True
    if condition.op not in _COMPARISONS or any(part not in intervals for part in condition.parts):
        return False
    left, right = (intervals[part] for part in condition.parts)
    return bool(terms.MEANINGS[condition.op](left.most, right.least))


_COMPARISONS: Final = (Op.LESS, Op.AT_MOST)


def _assumed(assumes: Iterable[Term]) -> Iterator[tuple[Term, Interval]]:
    """The variables that the assumptions bound on both sides."""
    least: dict[Term, int] = {}
    most: dict[Term, int] = {}
    for condition in _conjuncts(*assumes):
        if condition.op is not Op.AT_MOST:
            continue
        left, right = condition.parts
        if right.op is Op.CONSTANT:
            bound = cast("int", right.leaf)
            if left.op is Op.VARIABLE:
                most[left] = min(bound, most.get(left, bound))
            elif left.op is Op.NEGATE and left.parts[0].op is Op.VARIABLE:
                least[left.parts[0]] = max(-bound, least.get(left.parts[0], -bound))
        elif left.op is Op.CONSTANT and right.op is Op.VARIABLE:
            bound = cast("int", left.leaf)
            least[right] = max(bound, least.get(right, bound))
    for variable in least.keys() & most.keys():
        yield variable, Interval(least[variable], most[variable])
