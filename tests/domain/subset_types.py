"""The types of values that a rule may speak of, and what the global names in it stand for."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from collections.abc import Callable, Collection
from enum import Enum
from types import ModuleType
from typing import Any, get_type_hints

Type = type[Any] | None
"""The type of an expression; ``None`` if it was refused already."""


def is_enum(given: object) -> bool:
    """An enumeration."""
    return isinstance(given, type) and issubclass(given, Enum)


def is_record(given: object) -> bool:
    """A frozen dataclass."""
    return isinstance(given, type) and dataclasses.is_dataclass(given) and vars(given)["__dataclass_params__"].frozen


def is_value_type(given: object) -> bool:
    """What a rule may take, hold and return."""
    return given is int or given is bool or is_enum(given) or is_record(given)


def type_name(given: Type) -> str:
    """A type as people call it."""
    return "nothing" if given is None else {int: "a whole number", bool: "a boolean"}.get(given, given.__name__)


class Function:
    """A rule as it is loaded: its module, its hints, the class that it is a property of."""

    def __init__(self, rule: Callable[..., object], rules: Collection[Callable[..., object]]) -> None:
        self.rules = rules
        self.module = sys.modules[rule.__module__]
        self.called: list[Callable[..., object]] = []
        self.hints: dict[str, Any] = get_type_hints(rule)
        owner, _, _ = rule.__qualname__.rpartition(".")
        self.owner: Type = getattr(self.module, owner, None) if owner else None

    def look_up(self, name: str) -> object:
        """What a global name stands for; ``KeyError`` when it stands for nothing."""
        if name in vars(self.module):
            return vars(self.module)[name]
        return {"min": min, "max": max}[name]


def is_final(name: str, module: ModuleType) -> bool:
    """Whether a global name is a ``Final`` constant of its module, or of the one that it is imported from."""
    if name in inspect.get_annotations(module):
        return str(inspect.get_annotations(module)[name]).startswith(("Final", "typing.Final"))
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return is_final(alias.name, sys.modules[node.module])
    return False
