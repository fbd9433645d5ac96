"""Terms as straight-line Python: the rules of the program as statements over local variables, without any record.

What is part of several terms is computed once, before them. Every operation is defined for all whole numbers, so it
does no harm that a part is computed which a choice would not need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
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
        written = _WRITTEN[term.op](*[expression for expression, _ in parts])
        if term.op is Op.EQUAL and term.parts[0].sort is not int:
            written = written.replace("==", "is")
        return written, 1 + max(depth for _, depth in parts)


def _infix(sign: str) -> Callable[..., str]:
    return lambda *parts: f"({f' {sign} '.join(parts)})"


_WRITTEN: Final[Mapping[Op, Callable[..., str]]] = {
    Op.ADD: _infix("+"),
    Op.SUBTRACT: _infix("-"),
    Op.NEGATE: lambda part: f"(-{part})",
    Op.MULTIPLY: _infix("*"),
    Op.DIVIDE: _infix("//"),
    Op.REMAINDER: _infix("%"),
    Op.LESS: _infix("<"),
    Op.AT_MOST: _infix("<="),
    Op.EQUAL: _infix("=="),
    Op.AND: _infix("and"),
    Op.OR: _infix("or"),
    Op.NOT: lambda part: f"(not {part})",
    Op.CHOOSE: lambda condition, then, otherwise: f"({then} if {condition} else {otherwise})",
    Op.LEAST: lambda left, right: f"({left} if {left} < {right} else {right})",
    Op.MOST: lambda left, right: f"({left} if {left} > {right} else {right})",
}
_TIMES: Final[Mapping[Op, int]] = {Op.LEAST: 2, Op.MOST: 2}
"""How often the parts of an operation stand in its expression, where that is not once."""
