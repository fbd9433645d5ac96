"""Names that stand for one thing for good: the functions and constants that rules use.

A function is read only if its name stands for it and for nothing else; a constant only if it is written once, as a
whole number, and marked ``Final``. A problem is a sentence; ``None`` is none.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import EnumMeta
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, Final, TypeGuard, cast

from domain.rule import rule
from rules.symbolic.source import file_of, has_file, loaded_module, statements, tree_of

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_INSIDE: Final = ("body", "type_params")
"""The parts of a scope whose names are its own; its decorators, defaults and bases stand in the scope around it."""
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LARGEST_NUMBER: Final = 2**256
"""Numbers in rules are smaller: squares of squares take all memory, and long ones have no text."""
_OPERATIONS: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
    ast.Pow: lambda left, right: left**right,
}


def function_problem(function: FunctionType) -> str | None:
    """Why a function is none that can be read: it is not what its name stands for, or sees more than its module."""
    name, code = function.__qualname__, function.__code__
    if code.co_freevars or code.co_cellvars:
        return f"{name} uses a variable of the function around it"
    module = loaded_module(function.__module__)
    if not has_file(module) or function.__globals__ is not module.__dict__:
        return f"{name} does not see the names of its module"
    if type(function.__globals__) is not dict or type(cast("Any", function).__builtins__) is not dict:
        return f"{name} looks its names up in what is not a plain dictionary"
    owner, _, last = name.rpartition(".")
    bound = vars(module).get(owner or last)
    if owner:
        bound = vars(bound).get(last) if issubclass(type(bound), type) else None
        bound = bound.fget if is_property(bound) and bound.fset is None and bound.fdel is None else None
    if bound is not function:
        return f"the name {name} stands for something else than this function"
    if hasattr(function, "__wrapped__") or hasattr(function, "__signature__"):
        return f"{name} says that it is another function"
    return rebinding_problem(module, owner or last)


def place_of(thing: object) -> tuple[str, int, str]:
    """Where the name of something that is marked as a rule gets its value: file, line and name.

    If it has no name, the place is that of its class; of what Python itself makes, that of the mark.
    """
    for module in [*sys.modules.values()]:
        if has_file(module) and any(value is rule for value in vars(module).values()):
            for name in [name for name, value in vars(module).items() if value is thing]:
                given = [node for node in _of_module_scope(tree_of(module).body) if name in bound_by(node)]
                return file_of(module), max((getattr(node, "lineno", 1) for node in given), default=1), name
    made_in = loaded_module(type(thing).__module__)
    home = made_in if has_file(made_in) else sys.modules[rule.__module__]
    return file_of(home), 1, f"one of type {type(thing).__name__}"


def is_property(value: object) -> TypeGuard[property]:
    """Whether something is of Python's own ``property``, whatever that name stands for now."""
    return type(value) is type(vars(EnumMeta)["__members__"])


def rebinding_problem(module: ModuleType, name: str) -> str | None:
    """Why a global name of a module may come to stand for something else than it does now."""
    bound, changed_by_functions = _names_given(tree_of(module))
    places = bound.get(name, 0) + bound.get("*", 0)
    if name in changed_by_functions:
        return f"{name!r} is given another value by a function (global {name})"
    if places > 1:
        return f"{name!r} is given a value in {places} places of {module.__name__}"
    if not places and name in vars(module):
        return f"{name!r} gets its value in no place of {module.__name__} that can be seen"
    return None


def constant_problem(module: ModuleType, name: str) -> str | None:
    """Why a global name of a module is no constant: a whole number or truth value, written once, marked ``Final``."""
    value, written = vars(module).get(name), _written(module, name)
    if isinstance(written, str):
        return written
    if type(value) is not type(written) or value != written:
        return f"{name!r} is {shown(value)}, and its definition says {shown(written)}"
    return None


@cache
def _written(module: ModuleType, name: str) -> int | str:
    """The value that a constant's definition says, or why there is none."""
    found = _definition(module, name)
    if isinstance(found, str):
        return found
    home, definition = found
    if not _is_final(home, definition.annotation):
        return f"{name!r} is not Final, so it may change"
    try:
        value = _evaluated(home, definition.value)
    except (ValueError, ArithmeticError, RecursionError):  # by itself, in the end
        return f"{name!r} is not written as a whole number"
    return f"{name!r} is a number that is larger than any size" if is_long(value) else value


def shown(value: object) -> str:
    """A value as text, of which a number that is too long has none."""
    return "a number beyond 2**256" if is_long(value) else repr(value)


def is_long(value: object) -> bool:
    """Whether something is a number that is larger than any that rules have."""
    return issubclass(type(value), int) and int.__abs__(cast("int", value)) >= LARGEST_NUMBER


def _definition(module: ModuleType, name: str) -> tuple[ModuleType, ast.AnnAssign] | str:
    """Where a name is given its value, followed through imports: module and assignment, or why there is none."""
    passed: set[tuple[ModuleType, str]] = set()
    while (module, name) not in passed:
        passed.add((module, name))
        problem = rebinding_problem(module, name)
        if problem is not None:
            return problem
        for node in tree_of(module).body:
            match node:
                case ast.AnnAssign(target=ast.Name(id=target)) if target == name:
                    return module, node
                case ast.ImportFrom(names=aliases) if name in [alias.asname or alias.name for alias in aliases]:
                    origin = _imported_module(module, node)
                    if not has_file(origin):
                        return f"{name!r} comes from a module that has no file, or is not loaded"
                    name = next(alias.name for alias in aliases if (alias.asname or alias.name) == name)
                    module = origin
                    break
                case _:
                    pass
        else:
            return f"{name!r} is not Final, so it may change"
    return f"{name!r} is imported from where it is imported to"


def _imported_module(module: ModuleType, imported: ast.ImportFrom) -> object:
    relative = f"{'.' * imported.level}{imported.module or ''}"
    try:
        return loaded_module(importlib.util.resolve_name(relative, module.__package__ or ""))
    except ImportError:  # the module says no more in which package it is
        return None


def _is_final(module: ModuleType, annotation: ast.expr) -> bool:
    """Whether an annotation is ``typing.Final`` itself, and not something that is called so."""
    match annotation:
        case ast.Subscript(value=value):
            return _is_final(module, value)
        case ast.Name(id=name):
            return vars(module).get(name) is Final
        case ast.Attribute(value=ast.Name(id=name), attr="Final"):
            return vars(module).get(name) is typing
        case _:
            return False


def _evaluated(module: ModuleType, node: ast.expr | None) -> int:
    """The value of a constant's definition. Raises ``ValueError`` if it is made of more than numbers and constants."""
    match node:
        case ast.Constant(value=bool() | int() as value):
            return value
        case ast.Name(id=name) if constant_problem(module, name) is None:
            return cast("int", vars(module)[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(module, operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_evaluated(module, left), _evaluated(module, right))
        case _:
            raise ValueError(ast.dump(node) if node is not None else "no value")


@cache
def _names_given(tree: ast.Module) -> tuple[Counter[str], frozenset[str]]:
    """How often a module gives each of its names a value or takes it away; and those that its functions change."""
    bound = Counter(name for node in _of_module_scope(tree.body) for name in bound_by(node))
    changed = {name for node in statements(tree) if isinstance(node, ast.Global) for name in node.names}
    return bound, frozenset(changed)


def _of_module_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Those nodes, and all inside them, whose names are names of the module."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _COMPREHENSIONS):  # only := gives a name outside it a value
            yield from (inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        elif isinstance(node, _SCOPES):
            inside = {id(part) for field in _INSIDE for part in _listed(getattr(node, field, []))}
            waiting += [part for part in ast.iter_child_nodes(node) if id(part) not in inside]
        else:
            waiting += ast.iter_child_nodes(node)


def _listed(parts: ast.AST | list[ast.AST]) -> list[ast.AST]:
    return parts if isinstance(parts, list) else [parts]


def bound_by(node: ast.AST) -> list[str]:
    """The names that one node binds in its scope; ``*`` is any."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases]
        case ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case _:
            return []
