"""The encoder: terms as expressions of Z3. Enum members become integers; ``min`` and ``max`` become ``if``.

Everything is linear integer arithmetic without quantifiers, which Z3 decides. ``//`` and ``%`` by a positive constant
mean the same in Python and in SMT-LIB. Expressions are made by Z3's own functions, without the objects that z3py wraps
around them: those cost more than most proofs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Final, cast

import z3
from z3 import z3core
from z3.z3types import Ast, ContextObj

from rules.symbolic.terms import Literal, Op, Term, subterms, variables


class Encoder:
    """Encodes terms as expressions of one Z3 context. Each term is encoded once."""

    def __init__(self) -> None:
        self.context = z3.Context()
        self._context = self.context.ref()
        self._integer = z3core.Z3_mk_int_sort(self._context)  # Z3 keeps its own sorts
        self._truth = z3core.Z3_mk_bool_sort(self._context)
        self._known: dict[Term, Ast] = {}
        self._variables: dict[Term, dict[str, Term]] = {}
        self._new_enums: list[Term] = []

    def __call__(self, term: Term) -> Ast:
        """The expression of a term. It lives as long as the context."""
        known = self._known
        waiting = [term]
        while waiting:
            part = waiting[-1]
            missing = () if part in known else [inner for inner in part.parts if inner not in known]
            if missing:
                waiting += missing
                continue
            if part not in known:
                known[part] = _kept(self._context, self._expression(part))
            waiting.pop()
        return known[term]

    def variables_of(self, term: Term) -> dict[str, Term]:
        """The variables of a term, by name."""
        found = self._variables.get(term)
        if found is None:
            found = self._variables[term] = variables(term)
        return found

    def new_ranges(self) -> list[Ast]:
        """The ranges of the enum variables that were encoded since this was last called."""
        found, self._new_enums = self._new_enums, []
        return [self._range(variable) for variable in found]

    def ranges(self, terms: Sequence[Term]) -> list[Ast]:
        """The ranges of the enum variables of these terms: conditions on the integers that encode them."""
        return [self._range(part) for part in subterms(*terms) if _is_enum_variable(part)]

    def model(self, model: z3.ModelRef, conditions: Sequence[Term]) -> Model:
        """The values of the variables of conditions in a model of them."""
        return Model(self._context, model, conditions, self)

    def _expression(self, term: Term) -> Ast:
        match term.op:
            case Op.CONSTANT:
                return self._constant(cast("Literal", term.leaf))
            case Op.VARIABLE:
                symbol = z3core.Z3_mk_string_symbol(self._context, cast("str", term.leaf))
                made = z3core.Z3_mk_const(self._context, symbol, self._truth if term.sort is bool else self._integer)
                if _is_enum_variable(term):
                    self._new_enums.append(term)
                return made
            case _:
                return _MEANING[term.op](self._context, *[self._known[part] for part in term.parts])

    def _constant(self, value: Literal) -> Ast:
        if isinstance(value, bool):
            return (z3core.Z3_mk_true if value else z3core.Z3_mk_false)(self._context)
        number = members(type(value)).index(value) if isinstance(value, StrEnum) else value
        return z3core.Z3_mk_numeral(self._context, str(number), self._integer)

    def _range(self, variable: Term) -> Ast:
        context, expression = self._context, self(variable)
        zero, bound = (
            _kept(context, z3core.Z3_mk_numeral(context, number, self._integer))
            for number in ("0", str(len(members(cast("type[StrEnum]", variable.sort)))))
        )
        above = _kept(context, z3core.Z3_mk_ge(context, expression, zero))
        below = _kept(context, z3core.Z3_mk_lt(context, expression, bound))
        return _kept(context, _conjunction(context, above, below))


class Model(Mapping[str, Literal]):
    """The values of variables in a model, each read from Z3 when it is asked for.

    A variable that the model leaves open has the least value of its sort.
    """

    def __init__(self, context: ContextObj, model: z3.ModelRef, conditions: Sequence[Term], encode: Encoder) -> None:
        self._context = context
        self._model = model
        self._conditions = tuple(conditions)
        self._encode = encode
        self._variables: dict[str, Term] | None = None

    def __getitem__(self, name: str) -> Literal:
        return self._value(self._all()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Term]:
        if self._variables is None:
            self._variables = {}
            for condition in self._conditions:
                self._variables |= self._encode.variables_of(condition)
        return self._variables

    def _value(self, variable: Term) -> Literal:
        context = self._context
        found = (Ast * 1)()
        z3core.Z3_model_eval(context, self._model.model, self._encode(variable), True, found)
        value = found[0]
        z3core.Z3_inc_ref(context, value)
        try:
            if variable.sort is bool:
                return z3core.Z3_get_bool_value(context, value) == _TRUE
            number = int(z3core.Z3_get_numeral_string(context, value))
        finally:
            z3core.Z3_dec_ref(context, value)
        return members(variable.sort)[number] if issubclass(variable.sort, StrEnum) else number


_TRUE: Final = 1
"""Z3's ``Z3_L_TRUE``."""


def _is_enum_variable(term: Term) -> bool:
    return term.op is Op.VARIABLE and issubclass(term.sort, StrEnum)


@cache
def members(enum: type[StrEnum]) -> list[StrEnum]:
    """The members of an enum; the solver knows each by its index."""
    return list(enum)


def _kept(context: ContextObj, expression: Ast) -> Ast:
    """The expression, which lives as long as its context; without this, Z3 forgets it when it makes the next one."""
    z3core.Z3_inc_ref(context, expression)
    return expression


_Make = Callable[..., Ast]
"""Makes an expression from a context and the expressions of its parts."""


def _of_all(make: Callable[[ContextObj, int, ctypes.Array[Ast]], Ast]) -> _Make:
    """A maker of an operation that takes any number of parts, as one array."""

    def make_of(context: ContextObj, *parts: Ast) -> Ast:
        return make(context, len(parts), (Ast * len(parts))(*parts))

    return make_of


_conjunction: Final = _of_all(z3core.Z3_mk_and)


def _least(context: ContextObj, left: Ast, right: Ast) -> Ast:
    return z3core.Z3_mk_ite(context, _kept(context, z3core.Z3_mk_le(context, left, right)), left, right)


def _most(context: ContextObj, left: Ast, right: Ast) -> Ast:
    return z3core.Z3_mk_ite(context, _kept(context, z3core.Z3_mk_ge(context, left, right)), left, right)


_MEANING: Final[dict[Op, _Make]] = {
    Op.ADD: _of_all(z3core.Z3_mk_add),
    Op.SUBTRACT: _of_all(z3core.Z3_mk_sub),
    Op.NEGATE: z3core.Z3_mk_unary_minus,
    Op.MULTIPLY: _of_all(z3core.Z3_mk_mul),
    Op.DIVIDE: z3core.Z3_mk_div,  # of whole numbers: SMT-LIB's div
    Op.REMAINDER: z3core.Z3_mk_mod,
    Op.LESS: z3core.Z3_mk_lt,
    Op.AT_MOST: z3core.Z3_mk_le,
    Op.EQUAL: z3core.Z3_mk_eq,
    Op.AND: _conjunction,
    Op.OR: _of_all(z3core.Z3_mk_or),
    Op.NOT: z3core.Z3_mk_not,
    Op.CHOOSE: z3core.Z3_mk_ite,
    Op.LEAST: _least,
    Op.MOST: _most,
}
