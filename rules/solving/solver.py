"""The solver: asks Z3 whether conditions are satisfiable, within a budget, and for small values.

Budgets are counted in the solver's own steps (``rlimit``), not in seconds, so that the result does not depend on how
busy the machine is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import z3
from z3 import z3core
from z3.z3types import Ast

from domain.quantities import is_count
from rules.solving.smt import Encoder, members
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term, variables

MiB: Final = 2**20
LADDER: Final = (
    *(1, 2, 5, 6, 10, 20, 50),
    *(n * MiB for n in (1, 2, 4, 6, 8, 16, 32, 34, 36, 38, 64, 66, 68, 128, 256, 512, 1024, 4096, 65536)),
    *(n * MiB for n in (2**20, 2**20 + 2, 2**21, 12 * 2**20, 12 * 2**20 + 2, 240 * 2**20, 2**30, 2**32)),
)
"""Numbers that are easy to read, the least first: whole quanta before others."""


@dataclass(frozen=True, slots=True)
class SatResult:
    """Whether conditions are satisfiable, and by which values."""

    holds: bool | None
    """Whether they are satisfiable; ``None`` if the solver gave up."""
    values: Mapping[str, Literal]
    """Values of their variables that satisfy them; empty if there are none, or nobody asked for them."""
    reason: str = ""
    """Why the solver gave up."""


class Solver:
    """One Z3 solver, with conditions that are assumed for a while."""

    def __init__(self, budget: int) -> None:
        self._encode = Encoder()
        self._context = self._encode.context.ref()
        self._solver = z3.Solver(ctx=self._encode.context)
        self._solver.set("rlimit", budget)
        self._solver.set("ctrl_c", False)  # else Z3 handles Ctrl-C itself, and the current result is unknown
        self._assumed: list[Term] = []
        self._depth = 0
        self._unranged: list[Ast] = []
        """Ranges of enum variables that are not asserted for good, because something was assumed when they came up."""

    @contextmanager
    def assuming(self, conditions: Iterable[Term]) -> Generator[None]:
        """Assumes conditions inside the ``with`` block."""
        conditions = list(conditions)
        encoded = list(map(self._encode, conditions))
        self._unranged += self._encode.new_ranges()
        if not self._depth:
            self._assert(self._unranged)
            self._unranged = []
        self._solver.push()
        self._depth += 1
        try:
            self._assert(encoded)
            self._assert(self._unranged)
            self._assumed += conditions
            yield
        finally:  # also if a generator with this block is never exhausted
            del self._assumed[len(self._assumed) - len(conditions) :]
            self._solver.pop()
            self._depth -= 1

    def ask(self, *conditions: Term, with_values: bool = True) -> SatResult:
        """Whether these conditions and the assumed ones are satisfiable together; ``with_values`` says by which."""
        if any(condition is terms.FALSE for condition in conditions):
            return SatResult(False, {})
        with self.assuming(conditions):
            status = self._solver.check()
            if status == z3.sat:
                if not with_values:
                    return SatResult(True, {})
                return SatResult(True, self._encode.model(self._solver.model(), self._assumed))
            if status == z3.unknown:
                return SatResult(None, {}, self._solver.reason_unknown())
            return SatResult(False, {})

    def _assert(self, conditions: Iterable[Ast]) -> None:
        for condition in conditions:
            z3core.Z3_solver_assert(self._context, self._solver.solver, condition)

    def smallest(self, *conditions: Term, first: Sequence[str] = ()) -> Mapping[str, Literal]:
        """Small values that satisfy these satisfiable conditions: most are 0, the others are small whole quanta.

        The same conditions always give the same values. The variables named ``first`` are made small before others.
        """
        with self.assuming(conditions):
            known = variables(*self._assumed)
            order = [*[known[name] for name in first if name in known], *known.values()]
            return _Shrinking(self, list(dict.fromkeys(order))).values()

    def smtlib(self, *conditions: Term) -> str:
        """Conditions in SMT-LIB, and the ranges of their enum variables."""
        solver = z3.Solver(ctx=self._encode.context)
        for condition in [*map(self._encode, conditions), *self._encode.ranges(conditions)]:
            z3core.Z3_solver_assert(self._context, solver.solver, condition)
        return solver.to_smt2()


class _Shrinking:
    """Fixes one variable after another to the simplest value that it can have."""

    def __init__(self, solver: Solver, order: list[Term]) -> None:
        self._solver = solver
        self._order = order
        self._fixed: list[Term] = []
        self._found = dict(solver.ask().values)

    def values(self) -> Mapping[str, Literal]:
        sizes = [variable for variable in self._order if variable.sort is int and not is_count(str(variable.leaf))]
        self._fix_quanta(sizes)
        self._fix(self._order)
        return self._found

    def _fix_quanta(self, group: list[Term]) -> None:
        """Fixes sizes to whole quanta: all at once if possible, else half by half."""
        if not group or self._try([terms.equal(terms.remainder(variable, _QUANTUM), terms.ZERO) for variable in group]):
            return
        if len(group) > 1:
            half = len(group) // 2
            self._fix_quanta(group[:half])
            self._fix_quanta(group[half:])

    def _fix(self, group: list[Term]) -> None:
        """Fixes a group of variables: all to 0 at once if possible, else half by half."""
        if not group:
            return
        if self._try([terms.equal(variable, _zero(variable)) for variable in group]):
            return
        if len(group) > 1:
            half = len(group) // 2
            self._fix(group[:half])
            self._fix(group[half:])
            return
        [variable] = group
        now = self._found[str(variable.leaf)]
        for value in _simpler_values(variable, now):
            if self._try([terms.equal(variable, terms.constant(value))]):
                return
        if variable.sort is int and isinstance(now, int):
            now = self._least(variable, now)
        self._fixed.append(terms.equal(variable, terms.constant(now)))

    def _least(self, variable: Term, now: int) -> int:
        """The value nearest to 0, on the side of a known one."""
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
        if not all(terms.evaluate(condition, self._found) for condition in conditions):
            result = self._solver.ask(*self._fixed, *conditions)
            if not result.holds:
                return False
            self._found.update(result.values)
        self._fixed += conditions
        return True


_QUANTUM: Final = terms.constant(2 * MiB)


def _zero(variable: Term) -> Term:
    if variable.sort is bool:
        return terms.FALSE
    if issubclass(variable.sort, StrEnum):
        return terms.constant(members(variable.sort)[0])
    return terms.ZERO


def _simpler_values(variable: Term, value: Literal) -> Iterator[Literal]:
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
