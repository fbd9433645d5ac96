"""Where a rule can be changed, and the rule with one change made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final, cast

from domain.rule import Rule
from mutants.operators import Change, changes, guards, offsets, passed_on, placed
from mutants.scope import Marked, Scope

ROOT: Final = FilePath(__file__).parent.parent

Path = tuple[tuple[str, int | None], ...]
"""The way from a definition to one of its expressions: fields, and places in lists."""


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
    """A rule with each change that can be made at one of its places; no two of them are the same text."""
    scope = Scope(rule, marked)
    seen = {ast.unparse(scope.source.tree)}
    for path, node, made in all_changes(scope):
        for kind, new in made:
            definition = replaced(scope.source.tree, path, placed(new, node))
            text = ast.unparse(definition)
            if text not in seen:
                seen.add(text)
                was, now = shortened(ast.unparse(node), ast.unparse(new))
                place = f"{place_of(scope.source.file, node.lineno)}:{node.col_offset + 1}"
                yield Changed(kind, rule, definition, place, was, now)


def place_of(file: str, line: int) -> str:
    """File and line, the file as seen from the folder of the project."""
    path = FilePath(file)
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}"


def shortened(was: str, now: str, around: int = 24) -> tuple[str, str]:
    """Two texts without most of what they have in common at either end."""
    same = _in_common(was, now)
    start = max(0, same - around)
    cut = max(0, _in_common(was[same:][::-1], now[same:][::-1]) - around)
    texts = [f"{'…' if start else ''}{text[start : len(text) - cut]}{'…' if cut else ''}" for text in (was, now)]
    return texts[0], texts[1]


def _in_common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def all_changes(scope: Scope) -> Iterator[tuple[Path, ast.expr, list[Change]]]:
    """Every expression of a rule, the way to it, and what can be changed there."""
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
    """Every expression that a rule is made of, with the way to it and what it is a part of."""

    def inside(whole: ast.AST, path: Path) -> Iterator[tuple[Path, ast.expr, ast.AST]]:
        for field, place, part in _parts(whole):
            if isinstance(part, ast.expr):
                yield (*path, (field, place)), part, whole
            yield from inside(part, (*path, (field, place)))

    for place, statement in enumerate(tree.body[1:], start=1):  # the first is what it says that it means
        yield from inside(statement, (("body", place),))


def _parts(whole: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field in whole._fields:
        value: object = getattr(whole, field, None)
        if _is_name_only(whole, field):
            continue
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            for place, part in enumerate(cast("list[object]", value)):
                if isinstance(part, ast.AST):
                    yield field, place, part


def _is_replaced(node: ast.expr, parent: ast.AST) -> bool:
    """What ``replace`` makes another of."""
    return isinstance(parent, ast.Call) and ast.unparse(parent.func) == "replace" and parent.args[0] is node


def _is_name_only(whole: ast.AST, field: str) -> bool:
    """A part that names a thing and is no value: what is called, what is assigned."""
    return (isinstance(whole, ast.Call) and field == "func") or (isinstance(whole, ast.Assign) and field == "targets")


def replaced(tree: ast.FunctionDef, path: Path, new: ast.expr) -> ast.FunctionDef:
    """A definition with another expression at the end of a way."""
    made = deepcopy(tree)
    whole: ast.AST = made
    for field, place in path[:-1]:
        value = getattr(whole, field)
        whole = value if place is None else value[place]
    field, place = path[-1]
    if place is None:
        setattr(whole, field, new)
    else:
        getattr(whole, field)[place] = new
    return made
