"""All places at which a rule can be changed, and the rule with one change made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final, cast

from domain.rule import Rule
from mutants.operators import Mutation, changes, guards, offsets, passed_on, placed
from mutants.scope import Marked, Scope

ROOT: Final = FilePath(__file__).parent.parent

Path = tuple[tuple[str, int | None], ...]
"""The path from a definition to one of its expressions: fields, and indexes in lists."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A rule with one change."""

    kind: str
    rule: Rule
    definition: ast.FunctionDef
    place: str
    """File, line and column."""
    was: str
    now: str


def changed(rule: Rule, marked: Marked | None = None) -> Iterator[Changed]:
    """A rule with each change that can be made at one of its places. No two have the same source."""
    scope = Scope(rule, marked)
    sources = {ast.unparse(scope.source.tree)}
    for path, node, made in all_changes(scope):
        for kind, new in made:
            definition = replaced(scope.source.tree, path, placed(new, node))
            text = ast.unparse(definition)
            if text not in sources:
                sources.add(text)
                was, now = shortened(ast.unparse(node), ast.unparse(new))
                place = f"{place_of(scope.source.file, node.lineno)}:{node.col_offset + 1}"
                yield Changed(kind=kind, rule=rule, definition=definition, place=place, was=was, now=now)


def place_of(file: str, line: int) -> str:
    """File and line, with the file relative to the project's folder."""
    path = FilePath(file)
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}"


def shortened(was: str, now: str, around: int = 24) -> tuple[str, str]:
    """Two texts without most of their common beginning and end."""
    same = _in_common(was, now)
    start = max(0, same - around)
    cut = max(0, _in_common(was[same:][::-1], now[same:][::-1]) - around)
    texts = [f"{'…' if start else ''}{text[start : len(text) - cut]}{'…' if cut else ''}" for text in (was, now)]
    return texts[0], texts[1]


def _in_common(one: str, other: str) -> int:
    """The length of the common beginning of two texts."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def all_changes(scope: Scope) -> Iterator[tuple[Path, ast.expr, list[Mutation]]]:
    """Every expression of a rule, with the path to it and its possible changes."""
    for path, node, parent in expressions(scope.source.tree):
        found = list(changes(node, scope))
        if isinstance(parent, ast.If) and path[-1][0] == "test":
            found += guards(node)
        if isinstance(parent, ast.Return | ast.Assign | ast.Call | ast.keyword | ast.Compare):
            found += offsets(node, scope)
        if isinstance(parent, ast.Return | ast.IfExp | ast.Call | ast.keyword) and not _is_replaced(node, parent):
            found += passed_on(node, scope)
        yield path, node, found


def expressions(tree: ast.FunctionDef) -> Iterator[tuple[Path, ast.expr, ast.AST]]:
    """Every expression of a rule, with the path to it and the node that it is part of."""

    def inside(parent: ast.AST, path: Path) -> Iterator[tuple[Path, ast.expr, ast.AST]]:
        for field, index, part in _parts(parent):
            if isinstance(part, ast.expr):
                yield (*path, (field, index)), part, parent
            yield from inside(part, (*path, (field, index)))

    for index, statement in enumerate(tree.body[1:], start=1):  # the first is the docstring
        yield from inside(statement, (("body", index),))


def _parts(parent: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field in parent._fields:
        value: object = getattr(parent, field, None)
        if _is_name_only(parent, field):
            continue
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            for index, part in enumerate(cast("list[object]", value)):
                if isinstance(part, ast.AST):
                    yield field, index, part


def _is_replaced(node: ast.expr, parent: ast.AST) -> bool:
    """Whether a node is the record that ``replace`` copies."""
    return isinstance(parent, ast.Call) and ast.unparse(parent.func) == "replace" and parent.args[0] is node


def _is_name_only(parent: ast.AST, field: str) -> bool:
    """Whether a field is a name, not a value: the function of a call, the target of an assignment."""
    return (isinstance(parent, ast.Call) and field == "func") or (isinstance(parent, ast.Assign) and field == "targets")


def replaced(tree: ast.FunctionDef, path: Path, new: ast.expr) -> ast.FunctionDef:
    """A definition with another expression at the end of a path. It shares all that the path does not lead through."""
    made = copy(tree)
    parent: ast.AST = made
    for field, index in path[:-1]:
        part = copy(getattr(parent, field) if index is None else getattr(parent, field)[index])
        _put(parent, field, index, part)
        parent = part
    _put(parent, *path[-1], new)
    return made


def _put(parent: ast.AST, field: str, index: int | None, part: ast.AST) -> None:
    if index is None:
        setattr(parent, field, part)
    else:
        parts: list[ast.AST] = getattr(parent, field)
        setattr(parent, field, [*parts[:index], part, *parts[index + 1 :]])
