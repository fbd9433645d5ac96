"""Terms as straight-line Python: the rules of the program as statements over local variables, without any record.

What is part of several terms is computed once, before them. Every operation is defined for all whole numbers, so it
does no harm that a part is computed which a choice would not need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, cast

from rules.symbolic.terms import Literal, Op, Term, subterms

DEEPEST: Final = 12
"""How deep an expression is at most: deeper parts of it get variables of their own."""


class StraightLine:
    """Writes terms as expressions, and collects the statements that have to stand before them."""

    def __init__(self, roots: Iterable[Term], variables: Mapping[str, str]) -> None:
        terms = list(roots)
        self._uses = Counter(part for term in subterms(*terms) for part in term.parts * _TIMES.get(term.op, 1))
        self._uses.update(terms)
        self._variables = variables
        self._written: dict[Term, tuple[str, int]] = {}
        self.statements: list[str] = []
        self.names: dict[str, object] = {}
        """The values of the names that the code uses beside its own variables."""

    def write(self, term: Term) -> str:
        """An expression that has the value of a term, once the statements so far were executed."""
        for part in subterms(term) if term not in self._written else ():
            if part not in self._written:
                self._written[part] = self._keep(part, *self._expression(part))
        return self._written[term][0]

    def name(self, value: object) -> str:
        """A name that has a value."""
        name = next((name for name, known in self.names.items() if known is value), f"value{len(self.names)}")
        self.names[name] = value
        return name

    def _keep(self, term: Term, expression: str, depth: int) -> tuple[str, int]:
        if term.op is Op.CONSTANT or (self._uses[term] < 2 and depth < DEEPEST):
            return expression, depth
        variable = f"part{len(self.statements)}"
        self.statements.append(f"{variable} = {expression}")
        return variable, 0

    def _expression(self, term: Term) -> tuple[str, int]:
        if term.op is Op.CONSTANT:
            value = cast("Literal", term.leaf)
            return (self.name(value) if isinstance(value, StrEnum) else repr(value)), 0
        if term.op is Op.VARIABLE:
            return self._variables[cast("str", term.leaf)], 0
        parts = [self._written[part] for part in term.parts]
        return _operation(term, [expression for expression, _ in parts]), 1 + max(depth for _, depth in parts)


def _operation(term: Term, parts: Sequence[str]) -> str:
    if term.op in _WRITTEN:
        return _WRITTEN[term.op].format(*parts)
    # Members of an enum and truths are one object each, and told apart quicker so.
    is_identity = term.op is Op.EQUAL and term.parts[0].sort is not int
    return f"({(' is ' if is_identity else _INFIX[term.op]).join(parts)})"


_INFIX: Final[Mapping[Op, str]] = {
    Op.ADD: " + ",
    Op.SUBTRACT: " - ",
    Op.MULTIPLY: " * ",
    Op.DIVIDE: " // ",
    Op.REMAINDER: " % ",
    Op.LESS: " < ",
    Op.AT_MOST: " <= ",
    Op.EQUAL: " == ",
    Op.AND: " and ",
    Op.OR: " or ",
}
_WRITTEN: Final[Mapping[Op, str]] = {
    Op.NEGATE: "(-{0})",
    Op.NOT: "(not {0})",
    Op.CHOOSE: "({1} if {0} else {2})",
    Op.LEAST: "({0} if {0} < {1} else {1})",
    Op.MOST: "({0} if {0} > {1} else {1})",
}
_TIMES: Final[Mapping[Op, int]] = {Op.LEAST: 2, Op.MOST: 2}
"""How often the parts of an operation stand in its expression, where that is not once."""
