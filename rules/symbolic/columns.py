"""Terms as columns: the rules of the program as one query, which computes them for many rows at once.

A variable is a column of a table, by its name; members of enums are numbers, as in ``rules.solving.smt``. A term that
is part of several is computed once, in a common table expression: one for each depth of such terms. The query is plain
SQL of integers and truth values, as DuckDB runs it. It knows no NULL: no column of the table may have one. Where an
integer does not fit into 64 bits it fails; that none of the rules comes to such a one is proved (``fits_64_bits``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, cast

from rules.symbolic.terms import Literal, Op, Sort, Term, subterms

DEEPEST: Final = 12
"""How deep an expression is at most: deeper parts of it get columns of their own."""


def encode(value: Literal) -> int | bool:
    """A value as it stands in a column: the number of an enum's member, everything else as it is."""
    return list(type(value)).index(value) if isinstance(value, StrEnum) else value


def decode(value: int | bool, sort: Sort) -> Literal:
    """The value that stands in a column of a sort."""
    return list(sort)[value] if issubclass(sort, StrEnum) else sort(value)


def column_type(sort: Sort) -> str:
    """The SQL type of the columns of a sort."""
    return "BOOLEAN" if sort is bool else "BIGINT" if sort is int else "TINYINT"


def quote(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def write_query(results: Mapping[str, Term], table: str, keep: Sequence[str] = ()) -> str:
    """A query that gives a row with the results for each row of a table that has a column for each variable.

    Before the results stand the columns of the table that are to be kept.
    """
    return _Query(list(results.values())).write(results, table, keep)


class _Query:
    """The terms of a query, and in which common table expression each is computed."""

    def __init__(self, results: list[Term]) -> None:
        uses = Counter(part for term in subterms(*results) for part in dict.fromkeys(term.parts))
        self._depths: dict[Term, int] = {}
        """The depth of the terms that have columns of their own, from 1."""
        self._names: dict[Term, str] = {}
        inside = dict[Term, int]()
        """How deep the expression of a term is."""
        below = dict[Term, int]()
        """The greatest depth of a column that a term is made of."""
        for term in subterms(*results):
            if not term.parts:
                inside[term] = below[term] = 0
                continue
            inside[term] = 1 + max(inside[part] for part in term.parts)
            below[term] = max(below[part] for part in term.parts)
            if uses[term] > 1 or inside[term] >= DEEPEST:
                self._names[term] = f"term {len(self._names)}"
                self._depths[term] = below[term] = below[term] + 1
                inside[term] = 0

    def write(self, results: Mapping[str, Term], table: str, keep: Sequence[str]) -> str:
        parts, source = list[str](), quote(table)
        for depth in range(1, max(self._depths.values(), default=0) + 1):
            columns = ", ".join(
                f"{self._expression(term)} AS {quote(self._names[term])}"
                for term, found in self._depths.items()
                if found == depth
            )
            parts.append(f'"depth {depth}" AS (SELECT *, {columns} FROM {source})')
            source = f'"depth {depth}"'
        computed = [f"{self._operand(term)} AS {quote(name)}" for name, term in results.items()]
        select = f"SELECT {', '.join([*map(quote, keep), *computed])} FROM {source}"
        return f"WITH {', '.join(parts)} {select}" if parts else select

    def _operand(self, term: Term) -> str:
        name = self._names.get(term)
        return self._expression(term) if name is None else quote(name)

    def _expression(self, term: Term) -> str:
        if term.op is Op.VARIABLE:
            return quote(cast("str", term.leaf))
        if term.op is Op.CONSTANT:
            return f"({encode(cast('Literal', term.leaf))})::{column_type(term.sort)}"
        return _MEANINGS[term.op](*[self._operand(part) for part in term.parts])


def _remainder(part: str, by: str) -> str:
    """As Python's, never negative: that of SQL has the sign of what is divided."""
    return f"((({part} % {by}) + {by}) % {by})"


def _infix(sign: str) -> Callable[..., str]:
    def write(*parts: str) -> str:
        return f"({f' {sign} '.join(parts)})"

    return write


def _written(form: str) -> Callable[..., str]:
    """Writes the parts into a form, in their order."""
    return form.format


def _divide(part: str, by: str) -> str:
    """As Python's, rounded down: that of SQL is rounded towards zero."""
    return f"(({part} - {_remainder(part, by)}) // {by})"


_MEANINGS: Final[Mapping[Op, Callable[..., str]]] = {
    Op.ADD: _infix("+"),
    Op.SUBTRACT: _infix("-"),
    Op.NEGATE: _written("(-{})"),
    Op.MULTIPLY: _infix("*"),
    Op.DIVIDE: _divide,
    Op.REMAINDER: _remainder,
    Op.LEAST: _written("least({}, {})"),
    Op.MOST: _written("greatest({}, {})"),
    Op.LESS: _infix("<"),
    Op.AT_MOST: _infix("<="),
    Op.EQUAL: _infix("="),
    Op.AND: _infix("AND"),
    Op.OR: _infix("OR"),
    Op.NOT: _written("(NOT {})"),
    Op.CHOOSE: _written("(CASE WHEN {} THEN {} ELSE {} END)"),
}
