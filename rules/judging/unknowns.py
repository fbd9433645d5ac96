"""Evaluates a predicate of the specification on figures of which some are unknown: each of these is a free variable.

The predicate holds if it is true for every value of the unknown figures, is violated if it is false for every value,
and is unknown otherwise. First it is run on two assignments; if they agree, a solver decides whether all agree.

``complete`` shows that: it finds values of the unknown figures for which the predicate, run by Python, is true, and
others for which it is false.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, cast

from domain.quantities import LARGEST, QUANTUM
from domain.rule import Rule
from domain.settings import GENERATIONS
from rules.judging.findings import Question, Verdict
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Literal, Op, Sort, Term
from rules.symbolic.values import SymbolicRecord, Value, leaves, symbolic

if TYPE_CHECKING:
    from rules.solving.solver import Solver

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
    low = _run(predicate, values | {_name(variable): _least(variable) for variable in free})
    if free:
        high = _run(predicate, values | {_name(variable): _most(variable) for variable in free})
        if low is not high:
            return Verdict.UNKNOWN
        if not _is_constant(predicate, values, free, value=low):
            return Verdict.UNKNOWN
    return Verdict.HOLDS if low else Verdict.VIOLATED


def certain(question: Question) -> Question:
    """A question about the figures that it reads, without the doubtful ones that decide it, one after another."""
    read = _variables_of(question.statement)
    known = {path: value for path, value in question.known.items() if path in read}
    for path in question.doubtful:
        if evaluate(question.statement, known) is Verdict.UNKNOWN:
            break
        known.pop(path, None)
    return Question(question.statement, known)


def _read_figure(path: str, value: int | str | bool, sort: type) -> Literal:
    if issubclass(sort, StrEnum):
        if value in sort.__members__.values():
            return sort(str(value))
    elif type(value) is sort:
        return cast("Literal", value)
    raise ValueError(f"known[{path!r}] is not a value of this figure")


def question_about(statement: Rule, known: Mapping[str, int | str | bool]) -> Question:
    """A question about figures as JSON has them. Raises ``ValueError`` for a value that is none of its figure's."""
    read = _variables_of(statement)
    figures: dict[str, Literal] = {}
    for path, value in known.items():
        sort = read[path].sort if path in read else type(value)
        figures[path] = _read_figure(path, value, sort)
    return Question(statement, figures)


@dataclass(frozen=True, slots=True)
class Completions:
    """Values of the figures that are not known, by their paths."""

    keeps: Mapping[str, Literal] | None
    """With these the statement is true; ``None`` if it is false with any."""
    breaks: Mapping[str, Literal] | None
    """With these it is false; ``None`` if it is true with any."""


def complete(question: Question) -> Completions:
    """Two completions of the figures that are not known, each checked by running the statement.

    The second differs from the first in one figure, if that is enough.
    """
    question = certain(question)
    keeps = _find(question, wanted=True)
    return Completions(keeps=keeps, breaks=_find(question, wanted=False, near=keeps))


def holds_with(question: Question, completion: Mapping[str, Literal]) -> bool:
    """Runs the statement on what is known and a completion of it."""
    return _run(question.statement, {**question.known, **completion})


def formula_of(statement: Rule) -> str:
    """A statement as an expression over its figures."""
    return terms.show(_term_of(statement))


def _find(
    question: Question, *, wanted: bool, near: Mapping[str, Literal] | None = None
) -> Mapping[str, Literal] | None:
    """A completion for which the statement has a value, the simplest first, or one near to another."""
    free = {name: term for name, term in _variables_of(question.statement).items() if name not in question.known}
    if not free:
        return {} if holds_with(question, {}) is wanted else None
    for completion in _candidates(question, list(free.values()), near):
        if holds_with(question, completion) is wanted:
            return completion
    term = _given(question.statement, question.known)
    values = _solver().ask(*_ranges(free.values()), term if wanted else terms.negation(term)).values
    completion = {name: values.get(name, _least(variable)) for name, variable in free.items()}
    return completion if holds_with(question, completion) is wanted else None


def _candidates(
    question: Question, free: Sequence[Term], near: Mapping[str, Literal] | None
) -> Iterator[Mapping[str, Literal]]:
    """Completions that are likely: another with one figure changed, all least, all most, one where two sides meet."""
    term = _given(question.statement, question.known)
    compared = [part for part in terms.subterms(term) if part.op in _COMPARISONS and part.parts[0].sort is int]
    extremes = [{_name(variable): value(variable) for variable in free} for value in (_least, _most)]
    if near is not None:
        yield from ({**near, _name(variable): _least(variable)} for variable in free)
        yield from _meeting(compared, near, free)
        yield from ({**near, _name(variable): _most(variable)} for variable in free)
    yield from extremes
    for base in extremes:
        yield from _meeting(compared, base, free)


def _meeting(
    compared: Sequence[Term], base: Mapping[str, Literal], free: Iterable[Term]
) -> Iterator[Mapping[str, Literal]]:
    """Completions that differ from one in a single figure, about which the sides of a comparison are equal."""
    for variable in free:
        if variable.sort is int:
            least, most = _bounds(variable)
            for root in _roots(compared, base, _name(variable)):
                if least <= root <= most:
                    yield {**base, _name(variable): root}


_COMPARISONS: Final = (Op.EQUAL, Op.LESS, Op.AT_MOST)


def _roots(compared: Iterable[Term], base: Mapping[str, Literal], name: str) -> Iterator[int]:
    """The values of one figure about which the two sides of a comparison are equal, if they are linear in it."""
    for comparison in compared:
        at = [
            cast("int", terms.evaluate(left, {**base, name: value}))
            - cast("int", terms.evaluate(right, {**base, name: value}))
            for left, right in [comparison.parts]
            for value in (0, 1)
        ]
        slope = at[1] - at[0]
        if slope:
            root = -at[0] // slope
            yield from (root, root + QUANTUM, root - QUANTUM, root + 1, root - 1)


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
    term = _given(predicate, values)
    return _solver().ask(*_ranges(free), terms.negation(term) if value else term, with_values=False).holds is False


def _given(predicate: Rule, values: Mapping[str, Literal]) -> Term:
    """A predicate as a term over the figures that are not known."""
    return terms.substitute(_term_of(predicate), {name: terms.constant(known) for name, known in values.items()})


def _ranges(free: Iterable[Term]) -> list[Term]:
    """What is known of figures whose values are not: they are sizes, or a VM's generation."""
    return [
        terms.both(terms.at_most(terms.constant(least), variable), terms.at_most(variable, terms.constant(most)))
        for variable in free
        if variable.sort is int
        for least, most in (_bounds(variable),)
    ]


def _bounds(variable: Term) -> tuple[int, int]:
    """The least and the most that a number can be."""
    is_generation = _name(variable).rpartition(".")[2] == "generation"
    return (GENERATIONS[0], GENERATIONS[-1]) if is_generation else (0, LARGEST)


def _least(variable: Term) -> Literal:
    return _bounds(variable)[0] if variable.sort is int else terms.simplest_value(variable.sort)


def _most(variable: Term) -> Literal:
    return _bounds(variable)[1] if variable.sort is int else _last(variable.sort)


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


def _last(sort: Sort) -> Literal:
    return list(sort)[-1] if issubclass(sort, StrEnum) else True
