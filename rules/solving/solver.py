"""The solver: asks Z3 for values under which conditions hold, within a budget, and for small ones.

Budgets are counted in the solver's own steps (``rlimit``), not in seconds, so that an answer does not depend on how
busy the machine is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import z3

from rules.solving.smt import Encoder, members
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term, variables
from rules.wording import is_count

MiB: Final = 2**20
LADDER: Final = (
    *(1, 2, 5, 6, 10, 20, 50),
    *(n * MiB for n in (1, 2, 4, 6, 8, 16, 32, 34, 36, 38, 64, 66, 68, 128, 256, 512, 1024, 4096, 65536)),
    *(n * MiB for n in (2**20, 2**20 + 2, 2**21, 12 * 2**20, 12 * 2**20 + 2, 240 * 2**20, 2**30, 2**32)),
)
"""Numbers that people grasp, the least first: whole quanta before what lies between them."""


@dataclass(frozen=True, slots=True)
class SatResult:
    """Whether conditions can hold together; ``None`` if the solver gave up."""

    holds: bool | None
    values: Mapping[str, Literal]
    """Values of their variables under which they do."""
    reason: str = ""
    """Why the solver gave up."""


class Solver:
    """One Z3 solver; conditions are added, asked about, and taken back."""

    def __init__(self, budget: int) -> None:
        self._translate = Encoder()
        self._solver = z3.Solver(ctx=self._translate.context)
        self._solver.set("rlimit", budget)
        self._solver.set("ctrl_c", False)  # else Z3 takes Ctrl-C for itself, and calls what it was at unknown
        self._assumed: list[Term] = []

    @contextmanager
    def assuming(self, conditions: Iterable[Term]) -> Generator[None]:
        """These conditions hold for a while."""
        conditions = list(conditions)
        self._solver.push()
        try:
            for condition in conditions:
                self._solver.add(self._translate.truth(condition))
            self._solver.add(*self._translate.ranges(conditions))
            self._assumed += conditions
            yield
        finally:  # also if nobody asks for the rest
            del self._assumed[len(self._assumed) - len(conditions) :]
            self._solver.pop()

    def ask(self, *conditions: Term) -> SatResult:
        """Whether these conditions can hold, beside those that are assumed."""
        if any(condition is terms.FALSE for condition in conditions):
            return SatResult(False, {})
        with self.assuming(conditions):
            found = self._solver.check()
            if found == z3.sat:
                return SatResult(True, self._translate.values(self._solver.model(), variables(*self._assumed)))
            if found == z3.unknown:
                return SatResult(None, {}, self._solver.reason_unknown())
            return SatResult(False, {})

    def smallest(self, *conditions: Term, first: Sequence[str] = ()) -> Mapping[str, Literal]:
        """Values under which conditions that can hold do: few figures that are not zero, and those small and whole.

        The same conditions always give the same values. The variables named ``first`` are made small before others.
        """
        with self.assuming(conditions):
            known = variables(*self._assumed)
            order = [*[known[name] for name in first if name in known], *[known[each] for each in known]]
            return _Shrinking(self, list(dict.fromkeys(order))).values()

    def smtlib(self, *conditions: Term) -> str:
        """Conditions as SMT-LIB."""
        with self.assuming(conditions):
            return self._solver.to_smt2()


class _Shrinking:
    """Fixing one variable after another to the plainest value that it can have."""

    def __init__(self, solver: Solver, order: list[Term]) -> None:
        self._solver = solver
        self._order = order
        self._fixed: list[Term] = []
        self._found = dict(solver.ask().values)

    def values(self) -> Mapping[str, Literal]:
        sizes = [each for each in self._order if each.sort is int and not is_count(str(each.leaf))]
        self._whole(sizes)
        self._plainest(self._order)
        return self._found

    def _whole(self, group: list[Term]) -> None:
        """Keeps sizes to whole quanta: all at once if they can all be, else in halves."""
        if not group or self._try([terms.equal(terms.remainder(each, _QUANTUM), terms.ZERO) for each in group]):
            return
        if len(group) > 1:
            half = len(group) // 2
            self._whole(group[:half])
            self._whole(group[half:])

    def _plainest(self, group: list[Term]) -> None:
        """Fixes a group of variables: all at once if they can all be nothing, else in halves."""
        if not group:
            return
        if self._try([terms.equal(each, _nothing(each)) for each in group]):
            return
        if len(group) > 1:
            half = len(group) // 2
            self._plainest(group[:half])
            self._plainest(group[half:])
            return
        [variable] = group
        now = self._found[str(variable.leaf)]
        for value in _plainer(variable, now):
            if self._try([terms.equal(variable, terms.constant(value))]):
                return
        if variable.sort is int and isinstance(now, int):
            now = self._least(variable, now)
        self._fixed.append(terms.equal(variable, terms.constant(now)))

    def _least(self, variable: Term, now: int) -> int:
        """The number nearest to zero, on the side where one is known."""
        wrong = 0
        while abs(now - wrong) > 1:
            between = (now + wrong) // 2
            low, high = (wrong + 1, between) if now > 0 else (between, wrong - 1)
            inside = [terms.at_most(terms.constant(low), variable), terms.at_most(variable, terms.constant(high))]
            if self._try(inside):
                found = self._found[str(variable.leaf)]
                assert isinstance(found, int)
                now = found
            else:
                wrong = between
        return now

    def _try(self, conditions: list[Term]) -> bool:
        if not all(terms.evaluate(each, self._found) for each in conditions):
            answer = self._solver.ask(*self._fixed, *conditions)
            if not answer.holds:
                return False
            self._found.update(answer.values)
        self._fixed += conditions
        return True


_QUANTUM: Final = terms.constant(2 * MiB)


def _nothing(variable: Term) -> Term:
    if variable.sort is bool:
        return terms.FALSE
    if issubclass(variable.sort, StrEnum):
        return terms.constant(members(variable.sort)[0])
    return terms.ZERO


def _plainer(variable: Term, value: Literal) -> Iterator[Literal]:
    if variable.sort is bool:
        return
    if issubclass(variable.sort, StrEnum):
        yield from members(variable.sort)[1:]
        return
    assert isinstance(value, int)
    for rung in LADDER:
        if rung < abs(value):
            yield rung
    for rung in LADDER:
        if rung < -value:
            yield -rung
