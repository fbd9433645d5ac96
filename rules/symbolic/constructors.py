"""Constructors of records: whether one sets each field to its argument, and does nothing else.

What a constructor has to look like is written here, field by field, and compiled. It is not asked of ``dataclasses``,
which a program may have changed.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from types import FunctionType, MethodWrapperType
from typing import Any, Final, cast

from rules.symbolic.source import same_code
from rules.symbolic.values import is_record

_FACTORIES: Final = ("_dflt_{}", "__dataclass_dflt_{}__")
"""What ``dataclasses`` calls the function that makes the default of a field: in Python 3.11, and since."""
_NOT_GIVEN: Final = ("_HAS_DEFAULT_FACTORY", "__dataclass_HAS_DEFAULT_FACTORY__")
"""What it calls the object that stands for such a default."""

_Fields = Sequence["dataclasses.Field[Any]"]


def sets_each_field(kind: type, init: object) -> bool:
    """Whether the constructor of a frozen dataclass is what Python generates for its fields, or ``fast_init`` does."""
    if type(init) is not FunctionType:
        return False
    fields = dataclasses.fields(cast("Any", kind))
    try:
        return _is_generated(fields, init) or _sets_each_slot(kind, fields, init)
    except (SyntaxError, ValueError):  # its names are none, or it has lost what it uses
        return False


def _is_generated(fields: _Fields, init: FunctionType) -> bool:
    cells = [cell.cell_contents for cell in init.__closure__ or ()]
    known = dict(zip(init.__code__.co_freevars, cells, strict=True))
    names = [field.name for field in fields]
    self = "__dataclass_self__" if "self" in names else "self"
    owner = next((name for name, value in known.items() if value is object), "no_object")
    sets = "; ".join(f"{owner}.__setattr__({self}, {field.name!r}, {_value(field, known)})" for field in fields)
    text = f"def __init__({', '.join([self, *names])}): {sets or 'pass'}"
    text = f"def around({', '.join(known)}):\n {text}\n return __init__"
    written: dict[str, Any] = {}
    exec(compile(text, "<constructor>", "exec", dont_inherit=True), written)
    return same_code(init.__code__, written["around"](*cells).__code__) and _has_defaults(fields, init)


def _has_defaults(fields: _Fields, init: FunctionType) -> bool:
    """Whether the defaults of a constructor are those of the fields."""
    missing, defaults = dataclasses.MISSING, init.__defaults__ or ()
    given = [field for field in fields if field.default is not missing or field.default_factory is not missing]
    if len(given) != len(defaults) or init.__kwdefaults__ is not None:
        return False
    return all(
        field.default is missing or field.default is default for field, default in zip(given, defaults, strict=True)
    )


def _value(field: dataclasses.Field[Any], known: dict[str, object]) -> str:
    """What is stored in a field: its argument, or a default that is made anew if there is none."""
    if field.default_factory is dataclasses.MISSING:
        return field.name
    factory = next((name for name in known if name in [called.format(field.name) for called in _FACTORIES]), "none")
    missing = next((name for name in known if name in _NOT_GIVEN), "none")
    value = known.get(missing)
    if isinstance(value, int | str) or is_record(type(value)):
        raise ValueError(missing)  # an argument may be this object
    return f"{factory}() if {field.name} is {missing} else {field.name}"


def _sets_each_slot(kind: type, fields: _Fields, init: FunctionType) -> bool:
    """Whether each field is set by its own descriptor, as ``domain.record.fast_init`` does."""
    names = [field.name for field in fields]
    written: dict[str, Any] = {}
    sets = "; ".join(f"set_{name}(self, {name})" for name in names)
    exec(f"def __init__({', '.join(['self', *names])}): {sets or 'pass'}", written)
    return (
        same_code(init.__code__, written["__init__"].__code__)
        and init.__defaults__ is None
        and init.__kwdefaults__ is None
        and type(init.__globals__) is dict
        and all(_is_setter_of(kind, name, init.__globals__.get(f"set_{name}")) for name in names)
    )


def _is_setter_of(kind: type, name: str, setter: object) -> bool:
    """Whether a function is the ``__set__`` of the descriptor of a field."""
    if type(setter) is not MethodWrapperType:
        return False
    return setter.__name__ == "__set__" and setter.__self__ is inspect.getattr_static(kind, name)
