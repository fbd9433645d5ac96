"""Policies in TOML: a table for each, with a sentence, one expression of the subset, and its scope.

    [db_keeps_8_gib]
    vms = "db*"
    says = "A db VM never has less than 8 GiB, unless it is off."
    holds = "vm.power is Power.OFF or vm.assigned >= 8 * GiB"

An expression becomes the function that it stands for, with the places that it has in the file.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from domain.errors import InputError
from rules.policies.arguments import KINDS
from rules.symbolic.source import UnreadableRule, point_at

SAYS: Final = "says"
HOLDS: Final = "holds"
EXAMPLE: Final = '[tenth_stays_free], then says = "…" and holds = "host.free * 10 >= host.total"'
_VALUE: Final = re.compile(r"[^=]*=[ \t]*(?P<quote>\"\"\"\n?|'''\n?|\"|')")
_AT: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")
_AT_END: Final = " (at end of document)"


def is_toml(text: str, source: str) -> bool:
    """Whether a file of policies is TOML: by its name, or by how it begins, which no Python of policies does."""
    if source.endswith(".toml"):
        return True
    lines = (line.strip() for line in text.splitlines())
    return next((line.startswith("[") for line in lines if line and not line.startswith("#")), False)


@dataclass(slots=True)
class PolicyTable:
    """One table: its keys, and where each stands."""

    name: str
    line: int
    last: int
    """Its last line."""
    values: dict[str, object] = field(default_factory=dict[str, object])
    places: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """The line of each key, and the text from there to the end of its value."""

    def node_at(self, key: str | None) -> ast.AST:
        """A node that stands where a key does, or the table."""
        row = self.line if key is None else self.places[key][0]
        return ast.Name(id="", ctx=ast.Load(), lineno=row, col_offset=0)


def read_tables(text: str, source: str) -> list[PolicyTable]:
    """The tables of a file. Raises ``InputError`` with the place, if it is no TOML or has more than such tables."""
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what, place = str(error), _AT.search(str(error))
        where = f"{source}:{place[1]}:{place[2]}" if place else f"{source}:{max(len(text.splitlines()), 1)}"
        what = what.removesuffix(place[0] if place else _AT_END)
        raise InputError(f"{where}: this is not TOML: {what}", hint=f"write a table: {EXAMPLE}") from None
    tables: list[PolicyTable] = []
    for row, statement, value in _statements(text):
        name, inner = next(iter(value.items()))
        if statement.lstrip().startswith("["):
            if not isinstance(inner, dict) or inner:
                raise InputError(f"{source}:{row}: a table in a table, or a list of tables", hint=f"write {EXAMPLE}")
            tables.append(PolicyTable(name=name, line=row, last=row))
        elif not tables or isinstance(inner, dict):
            raise InputError(f"{source}:{row}: {name!r} stands in no table of a policy", hint=f"write {EXAMPLE}")
        else:
            tables[-1].values[name] = inner
            tables[-1].places[name] = row, statement
            tables[-1].last = row + statement.count("\n") - 1
    return tables


def _statements(text: str) -> Iterator[tuple[int, str, Mapping[str, object]]]:
    """Each statement of a file that is TOML, with its first line: as many lines as are TOML by themselves."""
    begun, open_lines = 1, ""
    for row, line in enumerate(text.split("\n"), 1):
        open_lines += f"{line}\n"
        try:
            value = tomllib.loads(open_lines)
        except tomllib.TOMLDecodeError:
            continue
        if value:
            yield begun, open_lines, value
        begun, open_lines = row + 1, ""


@dataclass(frozen=True, slots=True)
class TomlLines:
    """The lines of a file, for errors with a place in it."""

    source: str
    lines: Sequence[str]

    def error(self, row: int, column: int, why: str, instead: str) -> UnreadableRule:
        """An error at a line and a column, both from 1, with the line and a caret under it."""
        line = self.lines[row - 1] if row <= len(self.lines) else ""
        return UnreadableRule(f"{self.source}:{row}:{column}: {why}\n{point_at(line, column - 1)}", hint=instead)


def to_function(table: PolicyTable, file: TomlLines) -> ast.FunctionDef:
    """The function that a table stands for. Raises ``UnreadableRule`` with the place of what is wrong."""
    if not table.name.isidentifier():
        raise file.error(table.line, 1, f"{table.name!r} is not a name of a policy", "letters, digits and _")
    for key in (SAYS, HOLDS):
        value = table.values.get(key)
        if not isinstance(value, str) or not value.strip():
            row = table.places[key][0] if key in table.places else table.line
            raise file.error(row, 1, f"the policy {table.name} has no text {key!r}", f"write {EXAMPLE}")
    expression = _parse_expression(table, file)
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    node = ast.FunctionDef(
        name=table.name,
        args=ast.arguments(
            posonlyargs=[],
            args=[
                ast.arg(arg=role, annotation=ast.Name(id=kind, ctx=ast.Load()))
                for role, kind in KINDS.items()
                if role in names
            ],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[],
        ),
        body=[
            ast.Expr(ast.Constant(cast("str", table.values[SAYS]))),
            ast.Return(expression, lineno=expression.lineno, col_offset=expression.col_offset),
        ],
        decorator_list=[],
        returns=ast.Name(id="bool", ctx=ast.Load()),
    )
    for part in ast.walk(node):
        if not hasattr(part, "lineno"):
            part.__dict__.update(lineno=table.line, col_offset=0, end_lineno=table.last, end_col_offset=0)
    return node


def _parse_expression(table: PolicyTable, file: TomlLines) -> ast.expr:
    row, statement = table.places[HOLDS]
    text = cast("str", table.values[HOLDS])
    begin = _VALUE.match(statement)
    if begin is None or not statement[begin.end() :].startswith(text):
        raise file.error(row, 1, "an expression that is not written as it is", "no \\ in it, one text in quotes")
    before = statement[: begin.end()]
    line, column = row + before.count("\n"), len(before.rpartition("\n")[2])
    try:
        expression = ast.parse(f"({text}\n)", mode="eval").body
        ast.parse(f"[{text}\n]", mode="eval")  # or a parenthesis closes what it did not open
    except (SyntaxError, ValueError) as error:
        where = error if isinstance(error, SyntaxError) else SyntaxError()
        in_row, in_column = where.lineno or 1, where.offset or 2
        if in_row > text.count("\n") + 1:  # it ends too early
            in_row, in_column = text.count("\n") + 1, len(text.rpartition("\n")[2]) + 1
            in_column += in_row == 1  # a parenthesis was put before it
        at = in_column - 1 + column if in_row == 1 else in_column
        why = f"this is not an expression of Python: {getattr(error, 'msg', None) or error}"
        raise file.error(line + in_row - 1, max(at, 1), why, "a comparison, as host.free * 10 >= host.total") from None
    indent = len(before.rpartition("\n")[2].encode())
    for node in ast.walk(expression):
        if hasattr(node, "lineno"):
            place = cast("ast.expr", node)
            place.col_offset += indent - 1 if place.lineno == 1 else 0
            place.lineno += line - 1
    return expression
