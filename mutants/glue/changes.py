"""Changes of ordinary code, as its author might slip: one at a time, anywhere in a file."""

from __future__ import annotations

import ast
import sys
from ast import copy_location
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

from mutants.places import ROOT, shortened

AT_ONE_PLACE: Final = 2
"""The most wrong fields, members or names that are tried at one place."""
ALIKE: Final = (
    ("before", "after"),
    ("host", "destination", "there", "source"),
    ("vm", "host"),
    ("vm_stream", "host_stream"),
    ("vm_figures", "host_figures"),
    ("begin_vm", "begin_host"),
    ("stream", "target"),
    ("position", "version"),
    ("granted", "requested"),
    ("min", "max"),
    ("first", "last"),
)
"""Names that are taken for each other, wherever both are known."""
OPPOSITES: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


NEVER: Final = (ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Raise)
"""What is never changed: what is imported, and what messages say."""


@dataclass(frozen=True, slots=True)
class WrongFile:
    """A file of the program with one change."""

    file: str
    """Its path from the project's folder."""
    kind: str
    line: int
    what: str
    """The change, as old → new."""
    index: int
    """Which node of the file is changed."""
    new: ast.AST | None
    """What stands in its place; ``None`` if the statement is left out."""
    function: str
    """The function that it is in, with those and the classes around it; empty outside of functions."""
    lines: range
    """The lines of the smallest statement around it, without the statements that this one contains."""
    number: int
    """Which it is of the same changes in the same function, from 1."""

    @property
    def name(self) -> str:
        """Place, kind and change in one line."""
        return f"{self.file}:{self.line}: {self.kind}: {self.what}"

    @property
    def key(self) -> str:
        """The same with the function instead of the line, so that it stays the same when lines move."""
        place = f"{self.file}: {self.function or '(outside of functions)'}"
        return f"{place}: {self.kind}: {self.what}{f' ({self.number})' if self.number > 1 else ''}"

    @property
    def right(self) -> ast.Module:
        """The file as it is."""
        return ast.parse((ROOT / self.file).read_bytes(), self.file)

    @property
    def tree(self) -> ast.Module:
        """The whole file with the change, all else at its line and column."""
        tree = self.right
        old = _nodes(tree)[self.index]
        new = copy_location(ast.Pass() if self.new is None else deepcopy(self.new), old)
        return cast("ast.Module", ast.fix_missing_locations(_Replace(old, new).generic_visit(tree)))

    @property
    def source(self) -> str:
        """The same as text."""
        return ast.unparse(self.tree)


class _Replace(ast.NodeTransformer):
    """Puts another node in the place of one."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """The node itself, or what stands in its place."""
        return self._new if node is self._old else self.generic_visit(node)


def wrong_files(file: str) -> list[WrongFile]:
    """A file with each change that can be made in it, always in the same order."""
    tree = ast.parse((ROOT / file).read_bytes(), file)
    kinds, names_at = _kinds_of_names(tree), _names_by_line(tree)
    function_at, lines_at = _functions_by_line(tree), _statements_by_line(tree)
    numbers = Counter[tuple[str, str, str]]()
    found: list[WrongFile] = []
    for index, node in enumerate(_nodes(tree)):
        line = getattr(node, "lineno", 0)
        edits = list(_edits(node, names_at(line), kinds))
        was = ast.unparse(node) if edits else ""
        texts = {was}
        for kind, new in edits:
            now = "nothing" if new is None else ast.unparse(ast.fix_missing_locations(new))
            if now not in texts:
                texts.add(now)
                old_text, new_text = shortened(was, now)
                what = " ".join(f"{old_text} → {new_text}".split())
                same = (function_at(line), kind, what)
                numbers[same] += 1
                found.append(
                    WrongFile(
                        file=file,
                        kind=kind,
                        line=line,
                        what=what,
                        index=index,
                        new=new,
                        function=function_at(line),
                        lines=lines_at(line),
                        number=numbers[same],
                    )
                )
    return found


def _nodes(tree: ast.Module) -> list[ast.AST]:
    """What can be changed: expressions and statements inside functions and tables, no annotations, no docstrings."""
    found: list[ast.AST] = []

    def walk(node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params", "bases"):
                continue
            parts = cast("list[object]", value) if isinstance(value, list) else [value]
            for part in parts:
                if isinstance(part, ast.AST) and not isinstance(part, NEVER):
                    found.append(part)
                    walk(part)

    walk(tree)
    return found


def _names_by_line(tree: ast.Module) -> Callable[[int], frozenset[str]]:
    """The names that are known at a line: those that the module imports, and those of the functions around it."""
    imports = {
        alias.asname or alias.name for part in tree.body if isinstance(part, ast.ImportFrom) for alias in part.names
    }
    functions = [part for part in ast.walk(tree) if isinstance(part, ast.FunctionDef)]
    known = {
        function: [(argument.arg, 0) for argument in [*function.args.args, *function.args.kwonlyargs]]
        + [
            (name.id, name.lineno)
            for name in ast.walk(function)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        ]
        for function in functions
    }

    @cache
    def names_at(line: int) -> frozenset[str]:
        around = [function for function in functions if function.lineno <= line <= (function.end_lineno or 0)]
        return frozenset(imports) | {name for function in around for name, since in known[function] if since < line}

    return names_at


def _functions_by_line(tree: ast.Module) -> Callable[[int], str]:
    """The innermost function around a line, by its name and the names around it; no text outside of functions."""
    found: list[tuple[range, str]] = [(range(1, sys.maxsize), "")]

    def walk(node: ast.AST, around: str) -> None:
        for part in ast.iter_child_nodes(node):
            name = around
            if isinstance(part, ast.FunctionDef | ast.ClassDef):
                name = f"{around}.{part.name}".lstrip(".")
                if isinstance(part, ast.FunctionDef):
                    found.append((range(part.lineno, (part.end_lineno or 0) + 1), name))
            walk(part, name)

    walk(tree, "")
    return lambda line: min(
        (len(lines), name) for lines, name in [*found, (range(1, sys.maxsize), "")] if line in lines
    )[1]


def _statements_by_line(tree: ast.Module) -> Callable[[int], range]:
    """The lines of the smallest statement at a line, up to the first statement that it contains."""
    found: list[range] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            inner = [part.lineno for part in ast.walk(node) if isinstance(part, ast.stmt) and part is not node]
            end = min([*inner, (node.end_lineno or node.lineno) + 1])
            found.append(range(node.lineno, max(end, node.lineno + 1)))
    return lambda line: min([lines for lines in found if line in lines], key=len, default=range(line, line + 1))


Edit = tuple[str, ast.AST | None]
"""The kind of a change, and what stands in the node's place; ``None`` if the statement is left out."""


def _edits(node: ast.AST, names: frozenset[str], kinds: Mapping[str, list[str]]) -> Iterator[Edit]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "left out", None
        case ast.If():
            yield "other way", ast.If(_negated(node.test), node.body, node.orelse)
            yield "guard that never holds", ast.If(ast.Constant(False), node.body, node.orelse)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield "other way", ast.IfExp(_negated(test), body, orelse)
        case ast.BoolOp(op=op, values=values):
            yield "and for or", ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for place in range(len(values)):
                rest = [*values[:place], *values[place + 1 :]]
                yield "dropped condition", rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.Compare(left=left, ops=[op], comparators=comparators):
            yield "comparison", ast.Compare(left, [OPPOSITES[type(op)]()], comparators)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            yield "arithmetic", ast.BinOp(left, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), right)
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield "constant", ast.Constant(value + 1)
        case ast.keyword(arg=str() as name, value=ast.Attribute(attr=attr) as value) if attr in _sizes():
            for owner in [owner for owner in ("host", "vm") if owner in names][:1]:
                yield "special case on an id", ast.keyword(name, _special(value, owner))
        case ast.Attribute(value=value, attr=attr, ctx=ast.Load()):
            for other in _other_attributes(node, kinds):
                yield "wrong member" if attr[:1].isupper() else "another field", ast.Attribute(value, other, ast.Load())
        case ast.Name(id=name, ctx=ast.Load()):
            others = [other for group in ALIKE if name in group for other in group if other != name and other in names]
            for other in others[:AT_ONE_PLACE]:
                yield "another name", ast.Name(other, ast.Load())
        case _:
            pass


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _special(value: ast.expr, owner: str) -> ast.expr:
    """A figure that is another one for one VM or host."""
    id = ast.Attribute(ast.Name(owner, ast.Load()), "id", ast.Load())
    return ast.IfExp(ast.Compare(id, [ast.Eq()], [ast.Constant("db-prod")]), ast.Constant(0), value)


# Types, by the names of fields


@cache
def _records() -> dict[str, dict[str, str]]:
    """The fields of every class of the program, with their types as they are written."""
    found: dict[str, dict[str, str]] = {}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
                found[node.name] = {ast.unparse(part.target): ast.unparse(part.annotation) for part in fields}
    return found


@cache
def _members() -> dict[str, list[str]]:
    """The members of every enum, and the events of each stream, by the name that they are reached by."""
    found: dict[str, list[str]] = {}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "StrEnum" for base in node.bases):
                found[node.name] = [ast.unparse(part.targets[0]) for part in node.body if isinstance(part, ast.Assign)]
    return found


@cache
def _events() -> list[str]:
    tree = ast.parse((ROOT / "domain" / "events.py").read_bytes())
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and "event(" in ast.unparse(node)]


def _sources() -> Iterator[Path]:
    for package in ("domain", "projections", "nilometer/storage", "nilometer/ledger"):
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def _sizes() -> frozenset[str]:
    return frozenset(name for fields in _records().values() for name, kind in fields.items() if kind == "int")


def _kinds_of_names(tree: ast.Module) -> dict[str, list[str]]:
    """The classes that each expression may have the type of: those with all the attributes that are read of it."""
    read: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            read.setdefault(ast.unparse(node.value), set()).add(node.attr)
    return {
        name: [kind for kind, members in _all_members().items() if attributes <= members]
        for name, attributes in read.items()
    }


@cache
def _all_members() -> dict[str, frozenset[str]]:
    """The names of fields, methods and properties of every class of the program."""
    found: dict[str, frozenset[str]] = {}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                found[node.name] = frozenset(methods | _records()[node.name].keys())
    return found


def _other_attributes(node: ast.Attribute, kinds: Mapping[str, list[str]]) -> list[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="events"), attr=attr):
            alike = "Host" if attr.startswith("Host") else "Vm"
            return _next([name for name in _events() if name.startswith(alike)], attr)
        case ast.Attribute(value=ast.Name(id=enum), attr=attr) if enum in _members():
            return _next(_members()[enum], attr)
        case ast.Attribute(attr=attr):
            others = [
                other
                for kind_name, fields in _records().items()
                if attr in fields and kind_name in kinds.get(ast.unparse(node.value), ())
                for other, kind in fields.items()
                if other != attr and kind == fields[attr]
            ]
            return list(dict.fromkeys(others))[:AT_ONE_PLACE]


def _next(names: list[str], name: str) -> list[str]:
    """The names that come after one, round and round."""
    if name not in names:
        return []
    place = names.index(name)
    return [*names[place + 1 :], *names[:place]][:AT_ONE_PLACE]
