"""The types of the expressions of a rule, and the names that are known at each of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import EnumMeta
from typing import Any, cast, get_type_hints

from domain.rule import RULES, Rule
from rules.symbolic.definition import parameter_types
from rules.symbolic.names import constant_problem
from rules.symbolic.source import RuleSource, source_of
from rules.symbolic.values import field_types, is_record

Marked = tuple[Rule, ...]
"""The functions that a function may call: the rules, or the predicates."""


class Scope:
    """The names and types of one rule."""

    def __init__(self, rule: Rule, marked: Marked | None = None) -> None:
        self.rule = rule
        self.marked = marked if marked is not None else tuple(RULES)
        self.source: RuleSource = source_of(rule)
        self.names: Mapping[str, Any] = dict(self.source.names)
        self._kinds = dict(parameter_types(rule))
        self._lines = dict.fromkeys(self._kinds, 0)
        self.constants = {
            name: value
            for name, value in self.names.items()
            if type(value) is int and constant_problem(self.source.module, name) is None
        }
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                kind = self.kind(node.value)
                if kind is not None:
                    self._kinds[node.targets[0].id] = kind
                    self._lines[node.targets[0].id] = node.lineno

    def known_at(self, node: ast.expr) -> dict[str, type]:
        """The parameters and local names that have a value at an expression, and their types."""
        return {name: kind for name, kind in self._kinds.items() if self._lines[name] < node.lineno}

    def kind(self, node: ast.expr) -> type | None:
        """The type of an expression; ``None`` if unknown."""
        match node:
            case ast.Constant(value=value):
                return type(value)
            case ast.Name(id=name):
                return self._kinds.get(name) or (int if type(self.names.get(name)) is int else None)
            case ast.Attribute(value=ast.Name(id=name), attr=_) if name not in self._kinds:
                kind = self.names.get(name)
                return kind if isinstance(kind, EnumMeta) else None
            case ast.Attribute(value=value, attr=attr):
                return fields_and_rules(self.kind(value)).get(attr)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                return bool
            case ast.BinOp() | ast.UnaryOp():
                return int
            case ast.IfExp(body=body):
                return self.kind(body)
            case ast.Call(func=ast.Name(id=name)):
                return self._answer(name, node)
            case _:
                return None

    def called(self, node: ast.Call) -> object:
        """The object that a call calls."""
        return self.names.get(node.func.id) if isinstance(node.func, ast.Name) else None

    def takes(self, called: object) -> dict[str, type]:
        """The parameters of a rule or the fields of a record, with their types; empty for anything else."""
        if is_record(called):
            return field_types(cast("type", called))
        return parameter_types(called) if callable(called) and called in self.marked else {}

    def _answer(self, name: str, node: ast.Call) -> type | None:
        called = self.names.get(name)
        if called in self.marked:
            return cast("type", get_type_hints(called)["return"])
        if is_record(called):
            return cast("type", called)
        if name == "replace":
            return self.kind(node.args[0])
        return int if name in ("min", "max") else None


def fields_and_rules(kind: type | None) -> dict[str, type]:
    """The fields and properties of a record, with their types."""
    if kind is None or not is_record(kind):
        return {}
    found = dict(field_types(kind))
    for name, value in vars(kind).items():
        if isinstance(value, property) and value.fget is not None:
            found[name] = get_type_hints(value.fget)["return"]
    return found
