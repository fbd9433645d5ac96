"""``replace``: whether it gives a record with other values in some fields, as Python's does.

It is a function of a library and calls others, each of which may have been exchanged. The code of each is compared with
its file; and it is tried on the kind of record that it is to change, with each field alone, with all and with none.
"""

from __future__ import annotations

import builtins
import dataclasses
import dis
from collections.abc import Mapping
from functools import cache
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any, Final, cast

from rules.symbolic.names import rebinding_problem
from rules.symbolic.source import source_of

_HEAP_TYPE: Final = 1 << 9
"""The flag of a type that a program made."""


def replace_problem(replace: FunctionType, kind: type) -> str | None:
    """Why a function is no ``replace`` for a kind of record.

    Raises ``UnreadableRule`` if it, or a function that it calls, runs as something else than is written in its file.
    """
    problem = _calls_problem(replace, set())
    if problem is not None:
        return f"replace calls what it does not call as it is written: {problem}"
    names = [field.name for field in dataclasses.fields(cast("Any", kind))]
    of_objects = {name: object() for name in names}
    of_numbers = {name: 2**70 + place for place, name in enumerate(names)}
    if _changes(replace, kind, of_objects) and _changes(replace, kind, of_numbers):
        return None
    return f"replace does not change {kind.__name__} as Python's does"


def _changes(replace: FunctionType, kind: type, values: Mapping[str, object]) -> bool:
    """Whether it changes a record of these values: each alone, all, and none."""
    record = kind(*values.values())
    for names in (*[[name] for name in values], [*values], []):
        changes = {name: object() for name in names}
        try:
            changed = replace(record, **changes)
            good = type(changed) is kind and has_values(changed, {**values, **changes})
        except (RecursionError, MemoryError):
            raise
        except Exception:  # whatever it does, it is no replace
            good = False
        if not good:
            return False
    return True


def has_values(record: object, values: Mapping[str, object]) -> bool:
    """Whether a record has these very objects in its fields."""
    return all(getattr(record, name) is value for name, value in values.items())


def _calls_problem(function: FunctionType, asked: set[FunctionType]) -> str | None:
    """Why a function calls something else than its file says: of the functions of its module, and of builtins."""
    asked.add(function)
    module = source_of(function).module
    for name in _names_in(function.__code__):
        if name in function.__globals__:
            value = function.__globals__[name]
            inner = value.__wrapped__ if type(value) is type(_names_in) else value
            problem = rebinding_problem(module, name)
            if problem is None and type(inner) is FunctionType and inner not in asked:
                problem = _calls_problem(inner, asked)
            if problem is not None:
                return problem
        elif not _is_pythons(cast("Any", function).__builtins__.get(name), name):
            return f"{name!r} is not Python's own"
    return None


@cache
def _names_in(code: CodeType) -> frozenset[str]:
    """The global names and builtins that a function looks up."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return frozenset(names).union(*[_names_in(part) for part in code.co_consts if isinstance(part, CodeType)])


def _is_pythons(value: object, name: str) -> bool:
    """Whether something is the builtin of a name, whatever the name stands for now."""
    if type(value) is BuiltinFunctionType:
        return value.__self__ is builtins and value.__name__ == name
    return type(value) is type and not value.__flags__ & _HEAP_TYPE and value.__name__ == name
