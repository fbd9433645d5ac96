"""Evaluates a predicate of the specification on figures of which some are unknown: each of these is a free variable.

The predicate holds if it is true for every value of the unknown figures, is violated if it is false for every value,
and is unknown otherwise. First it is run on two assignments; if they agree, a solver decides whether all agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, cast

from domain.rule import Rule
from rules.judging.findings import Verdict
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader, parameter_types
from rules.symbolic.terms import Literal, Sort, Term
from rules.symbolic.values import SymbolicRecord, Value, leaves, symbolic

if TYPE_CHECKING:
    from rules.solving.solver import Solver

LARGEST: Final = 2**52
"""No figure is larger, in bytes."""
_BUDGET: Final = 1_000_000

KnownFigures = Mapping[str, Literal | None]
"""Figures by their paths, such as ``site.host.total``; ``None``, or no entry, is unknown."""


def evaluate(predicate: Rule, known: KnownFigures) -> Verdict:
    """The verdict on a predicate, given the known figures of its parameters: holds, violated or unknown."""
    given = tuple((name, known[name]) for name in _variables_of(predicate) if known.get(name) is not None)
    return _verdict(predicate, cast("tuple[tuple[str, Literal], ...]", given))


@lru_cache(maxsize=10_000)
def _verdict(predicate: Rule, given: tuple[tuple[str, Literal], ...]) -> Verdict:
    values, variables = dict(given), _variables_of(predicate)
    free = [variable for name, variable in variables.items() if name not in values]
    low = _run(predicate, values | {_name(variable): terms.simplest_value(variable.sort) for variable in free})
    if free:
        high = _run(predicate, values | {_name(variable): _largest(variable.sort) for variable in free})
        if low is not high:
            return Verdict.UNKNOWN
        if not _is_constant(predicate, values, free, value=low):
            return Verdict.UNKNOWN
    return Verdict.HOLDS if low else Verdict.VIOLATED


def _run(predicate: Rule, values: Mapping[str, Literal]) -> bool:
    """Runs the predicate as Python; figures that it does not read may have any value."""
    return bool(predicate(*[build(values) for build in _builders(predicate)]))


ParameterBuilder = Callable[[Mapping[str, Literal]], object]
"""Builds a parameter of a predicate, or a part of one, from figures by their paths."""


@cache
def _builders(predicate: Rule) -> list[ParameterBuilder]:
    read = _variables_of(predicate)
    return [_builder(value, read) for value in _parameters(predicate).values()]


def _builder(value: Value, read: Collection[str]) -> ParameterBuilder:
    """Parts of which the predicate reads no figure are built once."""
    if not isinstance(value, SymbolicRecord):
        name, smallest = _name(value), terms.simplest_value(value.sort)
        return (lambda values: values.get(name, smallest)) if name in read else lambda _: smallest
    kind, builders = value.kind, [_builder(inner, read) for inner in value.fields.values()]
    if any(_name(leaf) in read for _, leaf in leaves(value)):
        return lambda values: kind(*[build(values) for build in builders])
    constant = kind(*[build({}) for build in builders])
    return lambda _: constant


_SOLVERS: Final[list[Solver]] = []
"""The solver, once per question asked; it is replaced now and then, because it keeps every question."""
_MOST_QUESTIONS: Final = 2000


def _solver() -> Solver:
    """The shared solver: to make one costs more than most questions."""
    from rules.solving.solver import Solver

    if len(_SOLVERS) >= _MOST_QUESTIONS:
        _SOLVERS.clear()
    _SOLVERS.append(_SOLVERS[0] if _SOLVERS else Solver(_BUDGET))
    return _SOLVERS[0]


def _is_constant(predicate: Rule, values: Mapping[str, Literal], free: list[Term], *, value: bool) -> bool:
    """Whether the predicate has this value for all values of the free variables."""
    term = terms.substitute(_term_of(predicate), {name: terms.constant(known) for name, known in values.items()})
    ranges = [
        terms.both(terms.at_most(terms.ZERO, variable), terms.at_most(variable, terms.constant(LARGEST)))
        for variable in free
        if variable.sort is int
    ]
    return _solver().ask(*ranges, terms.negation(term) if value else term, with_values=False).holds is False


@cache
def _parameters(predicate: Rule) -> dict[str, Value]:
    return {name: symbolic(name, kind) for name, kind in parameter_types(predicate).items()}


@cache
def _term_of(predicate: Rule) -> Term:
    term = RuleReader(is_predicate).call(predicate, list(_parameters(predicate).values()))
    assert isinstance(term, Term)
    return term


@cache
def _variables_of(predicate: Rule) -> dict[str, Term]:
    """The figures that the predicate really reads."""
    return terms.variables(_term_of(predicate))


def _name(variable: Term) -> str:
    return cast("str", variable.leaf)


def _largest(sort: Sort) -> Literal:
    if issubclass(sort, StrEnum):
        return list(sort)[-1]
    return True if sort is bool else LARGEST
