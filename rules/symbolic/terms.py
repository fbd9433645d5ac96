"""Terms: formulas over integers, truth values and enum members. Immutable and interned: equal terms are one object.

A record is not a term: the reader splits it into its fields. Division and remainder are Python's, by a positive
constant.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final, cast

from domain.record import fast_init

Literal = int | bool | StrEnum
Sort = type[int] | type[bool] | type[StrEnum]


class Op(Enum):
    """The operation of a term."""

    CONSTANT = "constant"
    VARIABLE = "variable"
    ADD = "+"
    SUBTRACT = "-"
    NEGATE = "neg"
    MULTIPLY = "*"
    DIVIDE = "//"
    REMAINDER = "%"
    LESS = "<"
    AT_MOST = "<="
    EQUAL = "=="
    AND = "and"
    OR = "or"
    NOT = "not"
    CHOOSE = "if"
    LEAST = "min"
    MOST = "max"

    __hash__ = object.__hash__  # terms are looked up by their operations, and Enum's own takes a call of Python


@fast_init
@dataclass(frozen=True, slots=True, eq=False, weakref_slot=False)
class Term:
    """A term. Build it with the functions of this module, so that two equal terms are the same object."""

    op: Op
    sort: Sort
    parts: tuple[Term, ...]
    leaf: Literal | str | None
    """The value of a constant, the name of a variable."""

    @property
    def key(self) -> object:
        """Equal for equal terms."""
        return id(self)

    def __repr__(self) -> str:
        return show(self)


_MADE: Final[dict[tuple[object, ...], Term]] = {}


def _make(op: Op, sort: Sort, parts: tuple[Term, ...] = (), leaf: Literal | str | None = None) -> Term:
    # True == 1 in Python: the sort keeps them apart.
    key = (op, sort, leaf, *map(id, parts))
    term = _MADE.get(key)
    if term is None:
        term = _MADE[key] = Term(op, sort, parts, leaf)  # by position: built most often of all
    return term


def constant(value: Literal) -> Term:
    """The term of a known value: an integer, a truth value, or a member of an enum."""
    return _make(Op.CONSTANT, type(value), leaf=value)


def variable(name: str, sort: Sort) -> Term:
    """A variable: an unknown value of a sort."""
    return _make(Op.VARIABLE, sort, leaf=name)


TRUE: Final = constant(True)
FALSE: Final = constant(False)
ZERO: Final = constant(0)


def value_of(term: Term) -> Literal | None:
    """The value of a constant; ``None`` of any other term."""
    return cast("Literal", term.leaf) if term.op is Op.CONSTANT else None


def _numbers(*terms: Term) -> tuple[int, ...] | None:
    """The values of terms, if all are constant integers."""
    if all(term.op is Op.CONSTANT for term in terms):
        return tuple(cast("int", term.leaf) for term in terms)
    return None


def add(left: Term, right: Term) -> Term:
    """``left + right``."""
    known = _numbers(left, right)
    if known is not None:
        return constant(known[0] + known[1])
    if left is ZERO:
        return right
    return left if right is ZERO else _make(Op.ADD, int, (left, right))


def subtract(left: Term, right: Term) -> Term:
    """``left - right``."""
    known = _numbers(left, right)
    if known is not None:
        return constant(known[0] - known[1])
    if left is right:
        return ZERO
    return left if right is ZERO else _make(Op.SUBTRACT, int, (left, right))


def negate(part: Term) -> Term:
    """``-part``."""
    known = _numbers(part)
    return constant(-known[0]) if known is not None else _make(Op.NEGATE, int, (part,))


def multiply(left: Term, right: Term) -> Term:
    """``left * right``; at least one of them is a constant."""
    known = _numbers(left, right)
    if known is not None:
        return constant(known[0] * known[1])
    return _make(Op.MULTIPLY, int, (left, right))


def divide(part: Term, by: Term) -> Term:
    """``part // by``; ``by`` is a positive constant."""
    known = _numbers(part, by)
    return constant(known[0] // known[1]) if known is not None else _make(Op.DIVIDE, int, (part, by))


def remainder(part: Term, by: Term) -> Term:
    """``part % by``; ``by`` is a positive constant."""
    known = _numbers(part, by)
    return constant(known[0] % known[1]) if known is not None else _make(Op.REMAINDER, int, (part, by))


def least(left: Term, right: Term) -> Term:
    """``min(left, right)``."""
    known = _numbers(left, right)
    if known is not None:
        return constant(min(known))
    return left if left is right else _make(Op.LEAST, int, (left, right))


def most(left: Term, right: Term) -> Term:
    """``max(left, right)``."""
    known = _numbers(left, right)
    if known is not None:
        return constant(max(known))
    return left if left is right else _make(Op.MOST, int, (left, right))


def less(left: Term, right: Term) -> Term:
    """``left < right``."""
    known = _numbers(left, right)
    if known is not None:
        return constant(known[0] < known[1])
    return FALSE if left is right else _make(Op.LESS, bool, (left, right))


def at_most(left: Term, right: Term) -> Term:
    """``left <= right``."""
    known = _numbers(left, right)
    if known is not None:
        return constant(known[0] <= known[1])
    return TRUE if left is right else _make(Op.AT_MOST, bool, (left, right))


def equal(left: Term, right: Term) -> Term:
    """``left == right`` of numbers, ``left is right`` of enum members, equivalence of truth values."""
    if left is right:
        return TRUE
    if left.op is Op.CONSTANT and right.op is Op.CONSTANT:
        return FALSE  # equal constants are one object
    return _make(Op.EQUAL, bool, (left, right))


def negation(part: Term) -> Term:
    """``not part``."""
    if part.op is Op.CONSTANT:
        return constant(not part.leaf)
    return part.parts[0] if part.op is Op.NOT else _make(Op.NOT, bool, (part,))


def both(*parts: Term) -> Term:
    """``part and part and …``; true without parts."""
    kept = tuple(dict.fromkeys(part for part in parts if part is not TRUE))
    if FALSE in kept:
        return FALSE
    if len(kept) < 2:
        return kept[0] if kept else TRUE
    return _make(Op.AND, bool, kept)


def either(*parts: Term) -> Term:
    """``part or part or …``; false without parts."""
    kept = tuple(dict.fromkeys(part for part in parts if part is not FALSE))
    if TRUE in kept:
        return TRUE
    if len(kept) < 2:
        return kept[0] if kept else FALSE
    return _make(Op.OR, bool, kept)


def implies(if_: Term, then: Term) -> Term:
    """``if_`` implies ``then``."""
    return either(negation(if_), then)


def choose(condition: Term, then: Term, otherwise: Term) -> Term:
    """``then if condition else otherwise``."""
    if condition is TRUE or then is otherwise:
        return then
    if condition is FALSE:
        return otherwise
    if then is TRUE and otherwise is FALSE:
        return condition
    if then is FALSE and otherwise is TRUE:
        return negation(condition)
    return _make(Op.CHOOSE, then.sort, (condition, then, otherwise))


def simplest_value(sort: Sort) -> Literal:
    """A value of a sort, for what nothing depends on: 0, ``False``, or the first member of an enum."""
    return next(iter(sort)) if issubclass(sort, StrEnum) else sort()


# Reading terms


def variables(*terms: Term) -> dict[str, Term]:
    """All variables of terms, by name."""
    found: dict[str, Term] = {}
    for term in subterms(*terms):
        if term.op is Op.VARIABLE:
            found[cast("str", term.leaf)] = term
    return found


def subterms(*terms: Term) -> list[Term]:
    """All subterms of terms, each once, parts before the terms that they are part of."""
    order: list[Term] = []
    visited: set[Term] = set()
    opened: list[Term] = []
    stack: list[Term | None] = [*terms[::-1]]
    while stack:
        term = stack.pop()
        if term is None:  # all parts of the term that was opened last are done
            order.append(opened.pop())
        elif term not in visited:
            visited.add(term)
            if term.parts:
                opened.append(term)
                stack.append(None)
                stack += term.parts[::-1]
            else:
                order.append(term)
    return order


def _all(*parts: Literal) -> bool:
    return all(parts)


def _any(*parts: Literal) -> bool:
    return any(parts)


def _chosen(condition: Literal, then: Literal, otherwise: Literal) -> Literal:
    return then if condition else otherwise


MEANINGS: Final[dict[Op, Callable[..., Literal]]] = {
    Op.ADD: int.__add__,
    Op.SUBTRACT: int.__sub__,
    Op.NEGATE: int.__neg__,
    Op.MULTIPLY: int.__mul__,
    Op.DIVIDE: int.__floordiv__,
    Op.REMAINDER: int.__mod__,
    Op.LEAST: min,
    Op.MOST: max,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.EQUAL: operator.eq,
    Op.AND: _all,
    Op.OR: _any,
    Op.NOT: operator.not_,
    Op.CHOOSE: _chosen,
}
"""What each operation does to Python values."""


def evaluate(term: Term, values: Mapping[str, Literal]) -> Literal:
    """The value of a term, given the values of its variables. It is computed without a solver, to check the solver."""
    return evaluate_all([term], values)[0]


def evaluate_all(terms: Sequence[Term], values: Mapping[str, Literal]) -> list[Literal]:
    """The values of terms, given the values of their variables. Shared subterms are computed once."""
    return _evaluator_of(*terms)(values)


@lru_cache(maxsize=128)  # to list the subterms takes as long as to compute their values, and the same terms come again
def _evaluator_of(*terms: Term) -> Evaluator:
    return Evaluator(terms)


class Evaluator:
    """Computes the values of terms, for any values of their variables. Their subterms are listed once."""

    def __init__(self, terms: Sequence[Term]) -> None:
        order = subterms(*terms)
        self._places = {part: place for place, part in enumerate(order)}
        self._steps = [(part.op, part.leaf, [self._places[inner] for inner in part.parts]) for part in order]
        self._results = [self._places[term] for term in terms]

    def __call__(self, values: Mapping[str, Literal], instead: Mapping[Term, Literal] | None = None) -> list[Literal]:
        """The values of the terms; ``instead`` gives some subterms other values than they have."""
        known: list[Literal] = []
        given = {self._places[term]: value for term, value in (instead or {}).items()}
        for op, leaf, parts in self._steps:
            if given and len(known) in given:
                known.append(given[len(known)])
            elif parts:
                known.append(MEANINGS[op](*[known[place] for place in parts]))
            else:
                known.append(cast("Literal", leaf) if op is Op.CONSTANT else values[cast("str", leaf)])
        return [known[place] for place in self._results]


BUILDERS: Final[dict[Op, Callable[..., Term]]] = {
    Op.ADD: add,
    Op.SUBTRACT: subtract,
    Op.NEGATE: negate,
    Op.MULTIPLY: multiply,
    Op.DIVIDE: divide,
    Op.REMAINDER: remainder,
    Op.LEAST: least,
    Op.MOST: most,
    Op.LESS: less,
    Op.AT_MOST: at_most,
    Op.EQUAL: equal,
    Op.AND: both,
    Op.OR: either,
    Op.NOT: negation,
    Op.CHOOSE: choose,
}
"""The function of this module that builds each operation."""


def substitute(term: Term, known: Mapping[str, Term]) -> Term:
    """A term with other terms in place of some of its variables."""
    return substitute_all([term], known)[0]


def substitute_all(terms: Sequence[Term], known: Mapping[str, Term]) -> list[Term]:
    """Terms with other terms in place of some of their variables. Shared subterms are built once."""
    return _rebuilt(terms, lambda part: known.get(cast("str", part.leaf)) if part.op is Op.VARIABLE else None)


def replace_all(terms: Sequence[Term], old: Term, new: Term) -> list[Term]:
    """Terms with a new subterm in place of an old one, wherever it occurs."""
    return _rebuilt(terms, lambda part: new if part is old else None)


def _rebuilt(terms: Sequence[Term], instead: Callable[[Term], Term | None]) -> list[Term]:
    made: dict[Term, Term] = {}
    for part in subterms(*terms):
        other = instead(part)
        if other is None:
            parts = tuple([made[inner] for inner in part.parts])
            other = part if parts == part.parts else BUILDERS[part.op](*parts)
        made[part] = other
    return [made[term] for term in terms]


def show(term: Term) -> str:
    """A term as a Python expression."""
    if term.op is Op.CONSTANT:
        value = cast("Literal", term.leaf)
        return f"{type(value).__name__}.{value.name}" if isinstance(value, StrEnum) else repr(value)
    if term.op is Op.VARIABLE:
        return cast("str", term.leaf)
    parts = [show(part) for part in term.parts]
    match term.op:
        case Op.NOT:
            return f"not {parts[0]}"
        case Op.NEGATE:
            return f"-{parts[0]}"
        case Op.LEAST | Op.MOST:
            return f"{term.op.value}({', '.join(parts)})"
        case Op.CHOOSE:
            return f"({parts[1]} if {parts[0]} else {parts[2]})"
        case Op.EQUAL if issubclass(term.parts[0].sort, StrEnum):
            return f"({parts[0]} is {parts[1]})"
        case _:
            return f"({f' {term.op.value} '.join(parts)})"
