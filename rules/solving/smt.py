"""The encoder: terms as Z3 expressions. Enum members become integers; ``min`` and ``max`` become ``if``.

Everything is linear integer arithmetic without quantifiers, which Z3 decides. ``//`` and ``%`` by a positive constant
mean the same in Python and in SMT-LIB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Final, cast

import z3

from rules.symbolic.terms import Literal, Op, Term, subterms


class Encoder:
    """Encodes terms as expressions of one Z3 context. Each term is encoded once."""

    def __init__(self) -> None:
        self.context = z3.Context()
        self.variables: dict[str, tuple[Term, z3.ExprRef]] = {}
        self._known: dict[int, z3.ExprRef] = {}
        self._kept: list[Term] = []  # ``_known`` has ids of terms, so the terms must stay alive

    def __call__(self, term: Term) -> z3.ExprRef:
        """The expression of a term."""
        for part in subterms(term):
            if id(part) not in self._known:
                self._known[id(part)] = self._expression(part)
                self._kept.append(part)
        return self._known[id(term)]

    def truth(self, term: Term) -> z3.BoolRef:
        """The expression of a condition."""
        return cast("z3.BoolRef", self(term))

    def ranges(self, terms: Sequence[Term]) -> list[z3.BoolRef]:
        """Conditions that the integers that encode enum variables of these terms are in range."""
        found: list[z3.BoolRef] = []
        for part in subterms(*terms):
            if part.op is Op.VARIABLE and issubclass(part.sort, StrEnum):
                expression = cast("z3.ArithRef", self(part))
                found.append(z3.And(expression >= 0, expression < len(members(part.sort))))
        return found

    def values(self, model: z3.ModelRef, names: Iterable[str]) -> dict[str, Literal]:
        """The values of variables in a model; those that it leaves open get the least value of their sort."""
        found: dict[str, Literal] = {}
        for name in names:
            variable, expression = self.variables[name]
            value = model.eval(expression, model_completion=True)
            if variable.sort is bool:
                found[name] = z3.is_true(value)
            else:
                number = cast("z3.IntNumRef", value).as_long()
                found[name] = members(variable.sort)[number] if issubclass(variable.sort, StrEnum) else number
        return found

    def _expression(self, term: Term) -> z3.ExprRef:
        match term.op:
            case Op.CONSTANT:
                return self._constant(cast("Literal", term.leaf))
            case Op.VARIABLE:
                name = cast("str", term.leaf)
                made = z3.Bool(name, self.context) if term.sort is bool else z3.Int(name, self.context)
                self.variables[name] = (term, made)
                return made
            case _:
                return _MEANING[term.op](*[self._known[id(part)] for part in term.parts])

    def _constant(self, value: Literal) -> z3.ExprRef:
        if isinstance(value, bool):
            return z3.BoolVal(value, self.context)
        number = members(type(value)).index(value) if isinstance(value, StrEnum) else value
        return z3.IntVal(number, self.context)


@cache
def members(enum: type[StrEnum]) -> list[StrEnum]:
    """The members of an enum; the solver knows each by its index."""
    return list(enum)


def _least(left: z3.ArithRef, right: z3.ArithRef) -> z3.ExprRef:
    return z3.If(left <= right, left, right)


def _most(left: z3.ArithRef, right: z3.ArithRef) -> z3.ExprRef:
    return z3.If(left >= right, left, right)


_MEANING: Final[dict[Op, Callable[..., z3.ExprRef]]] = {
    Op.ADD: z3.ArithRef.__add__,
    Op.SUBTRACT: z3.ArithRef.__sub__,
    Op.NEGATE: z3.ArithRef.__neg__,
    Op.MULTIPLY: z3.ArithRef.__mul__,
    Op.DIVIDE: z3.ArithRef.__truediv__,  # of whole numbers: SMT-LIB's div
    Op.REMAINDER: z3.ArithRef.__mod__,
    Op.LESS: z3.ArithRef.__lt__,
    Op.AT_MOST: z3.ArithRef.__le__,
    Op.EQUAL: z3.ExprRef.__eq__,
    Op.AND: z3.And,
    Op.OR: z3.Or,
    Op.NOT: z3.Not,
    Op.CHOOSE: z3.If,
    Op.LEAST: _least,
    Op.MOST: _most,
}
