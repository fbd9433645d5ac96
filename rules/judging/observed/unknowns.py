"""A sentence of the specification, asked of figures of which some are unknown: a free variable each.

It holds if it holds for every value that the rest allows, is violated if it holds for none, and is else unknown. First
it is tried on two assignments, by running it; if they agree, a solver settles whether all do.
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
from rules.symbolic.reader import RuleReader, sorts_of
from rules.symbolic.terms import Literal, Sort, Term
from rules.symbolic.values import SymbolicRecord, Value, anything, leaves

if TYPE_CHECKING:
    from rules.solving.solver import Solver

LARGEST: Final = 2**52
"""No figure is larger, in bytes."""
_BUDGET: Final = 1_000_000

Known = Mapping[str, Literal | None]
"""Figures by their paths, as ``site.host.total``; ``None``, or no entry, is unknown."""


def ask(predicate: Rule, known: Known) -> Verdict:
    """What is to be said of a sentence: ``HOLDS``, ``VIOLATED`` or ``UNKNOWN``, by what is known of its parameters."""
    asked = _asked_for(predicate)
    given = tuple((name, known[name]) for name in asked if known.get(name) is not None)
    return _verdict(predicate, cast("tuple[tuple[str, Literal], ...]", given))


@lru_cache(maxsize=10_000)
def _verdict(predicate: Rule, given: tuple[tuple[str, Literal], ...]) -> Verdict:
    values, variables = dict(given), _asked_for(predicate)
    free = [variable for name, variable in variables.items() if name not in values]
    low = _runs(predicate, values | {_name(each): _least(each.sort) for each in free})
    if free:
        high = _runs(predicate, values | {_name(each): _most(each.sort) for each in free})
        if low is not high:
            return Verdict.UNKNOWN
        if not _settled(predicate, values, free, holds=low):
            return Verdict.UNKNOWN
    return Verdict.HOLDS if low else Verdict.VIOLATED


def _runs(predicate: Rule, values: Mapping[str, Literal]) -> bool:
    """The sentence as Python runs it; what it does not ask for may be anything."""
    return bool(predicate(*[make(values) for make in _makers(predicate)]))


Make = Callable[[Mapping[str, Literal]], object]
"""Makes a parameter of a sentence, or a part of one, of figures by their paths."""


@cache
def _makers(predicate: Rule) -> list[Make]:
    asked = _asked_for(predicate)
    return [_maker(value, asked) for value in _parameters(predicate).values()]


def _maker(value: Value, asked: Collection[str]) -> Make:
    """What the sentence does not ask for is made once."""
    if not isinstance(value, SymbolicRecord):
        name, least = _name(value), _least(value.sort)
        return (lambda values: values.get(name, least)) if name in asked else lambda _: least
    kind, makers = value.kind, [_maker(inner, asked) for inner in value.fields.values()]
    if any(_name(leaf) in asked for _, leaf in leaves(value)):
        return lambda values: kind(*[make(values) for make in makers])
    made = kind(*[make({}) for make in makers])
    return lambda _: made


_SOLVERS: Final[list[Solver]] = []
"""The solver that is asked; it is made anew now and then, because it keeps what it was asked."""
_ASKED_MOST: Final = 2000


def _solver() -> Solver:
    """A solver; making one costs more than most questions."""
    from rules.solving.solver import Solver

    if len(_SOLVERS) >= _ASKED_MOST:
        _SOLVERS.clear()
    _SOLVERS.append(_SOLVERS[0] if _SOLVERS else Solver(_BUDGET))
    return _SOLVERS[0]


def _settled(predicate: Rule, values: Mapping[str, Literal], free: list[Term], *, holds: bool) -> bool:
    """Whether no value of what is free makes it otherwise."""
    says = terms.substitute(_says(predicate), {name: terms.constant(value) for name, value in values.items()})
    ranges = [
        terms.both(terms.at_most(terms.ZERO, each), terms.at_most(each, terms.constant(LARGEST)))
        for each in free
        if each.sort is int
    ]
    return _solver().ask(*ranges, terms.negation(says) if holds else says).holds is False


@cache
def _parameters(predicate: Rule) -> dict[str, Value]:
    return {name: anything(name, kind) for name, kind in sorts_of(predicate).items()}


@cache
def _says(predicate: Rule) -> Term:
    said = RuleReader(is_predicate).call(predicate, list(_parameters(predicate).values()))
    assert isinstance(said, Term)
    return said


@cache
def _asked_for(predicate: Rule) -> dict[str, Term]:
    """The figures that it really asks for."""
    return terms.variables(_says(predicate))


def _name(variable: Term) -> str:
    return cast("str", variable.leaf)


def _least(sort: Sort) -> Literal:
    return next(iter(sort)) if issubclass(sort, StrEnum) else sort(0)


def _most(sort: Sort) -> Literal:
    if issubclass(sort, StrEnum):
        return list(sort)[-1]
    return True if sort is bool else LARGEST
