"""The definition of a rule: its source, its local names and its types, if they mean to Python what they mean here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from inspect import signature
from types import FunctionType
from typing import Final, cast, get_type_hints

from domain.rule import Rule
from rules.symbolic.names import bound_by, function_problem, is_long, place_of
from rules.symbolic.plain import kind_problem
from rules.symbolic.source import RuleSource, UnreadableRule, error_at, refusing, source_of
from rules.symbolic.values import is_record, is_sort

_DECORATORS: Final = ("rule", "property", "predicate")


def definition_of(rule: Rule) -> RuleSource:
    """The source of a function that its own name stands for. Raises ``UnreadableRule``."""
    if type(rule) is not FunctionType:
        raise _no_function(rule)
    source = _as_written(rule)
    with refusing(source):
        problem = function_problem(rule)
    if problem is not None:
        raise source.error(source.tree, problem, "a rule is a plain function of its module, under its own name")
    return source


@cache
def _as_written(function: FunctionType) -> RuleSource:
    """The source of a function whose names and decorators mean to Python what they mean to the reader."""
    source = source_of(function)
    for decorator in source.tree.decorator_list:
        if not isinstance(decorator, ast.Name) or decorator.id not in _DECORATORS:
            raise source.error(decorator, "a decorator that may change what the rule does", "@rule, and @property")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and is_long(node.value):
            raise source.error(node, "a number that is larger than any size", "sizes of at most 2**52 bytes")
    local = local_names(source.tree)
    if not set(function.__code__.co_varnames) <= local or any(map(_is_mangled, _identifiers(source.tree))):
        raise source.error(source.tree, "a name that Python reads as another one", "names without __ before them")
    return source


@cache
def local_names(tree: ast.FunctionDef) -> frozenset[str]:
    """The parameters of a function, and every name that it gives a value anywhere."""
    bound = {name for statement in tree.body for node in ast.walk(statement) for name in bound_by(node)}
    return frozenset(bound | {node.arg for node in ast.walk(tree.args) if isinstance(node, ast.arg)})


def _identifiers(tree: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.arg(arg=name):
                yield name
            case _:
                pass


def _annotations(tree: ast.FunctionDef) -> list[tuple[str, ast.expr]]:
    """The annotations of a function's parameters and, under ``return``, of its result."""
    parameters = [node for node in ast.walk(tree.args) if isinstance(node, ast.arg)]
    found = [*[(parameter.arg, parameter.annotation) for parameter in parameters], ("return", tree.returns)]
    return [(name, annotation) for name, annotation in found if annotation is not None]


def _is_annotated(function: FunctionType, name: str, annotation: ast.expr) -> bool:
    """Whether a function that runs has the annotation that is written."""
    loaded: object = function.__annotations__.get(name)
    if isinstance(loaded, str):
        return loaded == ast.unparse(annotation) or (
            isinstance(annotation, ast.Constant) and annotation.value == loaded
        )
    try:
        written = eval(compile(ast.Expression(annotation), "<annotation>", "eval"), dict(function.__globals__))
    except (RecursionError, MemoryError):
        raise
    except Exception:  # it may be any expression
        return False
    return bool(loaded is written or (not isinstance(loaded, type) and loaded == written))


def _is_mangled(name: str) -> bool:
    """Whether Python may read a name as another one inside a class."""
    return name.startswith("__")


def parameter_types(rule: Rule) -> dict[str, type]:
    """The parameters of a rule and their types. Raises ``UnreadableRule`` for a type that rules may not use."""
    return {name: kind for name, kind in types_of(rule).items() if name != "return"}


def types_of(rule: Rule) -> dict[str, type]:
    """The types of a rule's parameters and, under ``return``, of its result."""
    if type(rule) is not FunctionType:
        raise _no_function(rule)
    return _types_of(rule)


@cache
def _types_of(rule: FunctionType) -> dict[str, type]:
    source = definition_of(rule)
    with refusing(source):
        return _read_types(rule, source)


def _no_function(rule: object) -> UnreadableRule:
    """The error for something else than a function among the rules."""
    file, row, name = place_of(rule)
    return error_at(file, row, f"{name} is a callable object, and no function", "a function of its module")


def _read_types(rule: FunctionType, source: RuleSource) -> dict[str, type]:
    annotations = _annotations(source.tree)
    if set(rule.__annotations__) != {name for name, _ in annotations}:
        raise source.error(source.tree, "other names are annotated where it runs", "the types that are written")
    for name, annotation in annotations:
        if not _is_annotated(rule, name, annotation):
            raise source.error(annotation, f"{name!r} is annotated otherwise where it runs", "the type that it has")
    try:
        hints = get_type_hints(rule)
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # an annotation may be any expression
        what = f"its annotations cannot be evaluated ({type(error).__name__}: {error})"
        raise source.error(source.tree, what, "types that its module has when it runs") from None
    owner = rule.__qualname__.rpartition(".")[0]
    if owner:
        hints.setdefault("self", getattr(source.module, owner, None))
    kinds = {name: hints.get(name) for name in [*signature(rule).parameters, "return"]}
    for name, kind in kinds.items():
        if not (is_record(kind) or is_sort(kind)):
            what = "answer" if name == "return" else f"parameter {name!r}"
            raise source.error(
                source.tree,
                f"the {what} is of a type that rules do not have",
                "int, bool, a StrEnum or a frozen record",
            )
        problem = kind_problem(kind)
        if problem is not None:
            raise source.error(source.tree, problem, "what Python makes of it, unchanged")
    return cast("dict[str, type]", kinds)
