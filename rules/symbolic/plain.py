"""Records and enums that are what they look like: as Python generates them, with nothing of their own beside.

The reader takes the meaning of ``Vm(…)``, ``vm.assigned`` and ``Power.OFF`` from Python's definitions of frozen
dataclasses and of ``StrEnum``. A class may change each of them. Here each is compared, by identity and by its code,
with what Python makes of the same fields and members. A problem is a sentence; ``None`` is none.
"""

from __future__ import annotations

import dataclasses
import inspect
from enum import EnumMeta, StrEnum
from functools import cache
from types import FunctionType, MemberDescriptorType, MethodWrapperType
from typing import Any, Final, cast, get_type_hints

from rules.symbolic.source import same_code

_OF_ANY_CLASS: Final = frozenset(
    ("__module__", "__qualname__", "__doc__", "__annotations__", "__static_attributes__", "__firstlineno__")
)


def kind_problem(kind: object) -> str | None:
    """Why a class is none whose values rules may take and answer."""
    if kind is int or kind is bool:
        return None
    if isinstance(kind, EnumMeta):
        return enum_problem(kind)
    return record_problem(kind) if isinstance(kind, type) else f"{kind!r} is no type that rules have"


def record_problem(kind: type) -> str | None:
    """Why a class is no record that rules may take, make and change: not the frozen dataclass that Python generates."""
    if kind in _IN_QUESTION:
        return f"{kind.__name__} has a field of its own kind, which no value can fill"
    _IN_QUESTION.append(kind)
    try:
        return _own_problem(kind)
    finally:
        _IN_QUESTION.pop()


_IN_QUESTION: Final[list[type]] = []
"""The records that are being asked about, each for a field of the one before it."""


@cache
def _own_problem(kind: type) -> str | None:
    if type(kind) is not type:
        return f"{kind.__name__} has a metaclass of its own"
    if "__dataclass_params__" not in vars(kind) or not cast("Any", kind).__dataclass_params__.frozen:
        return f"{kind.__name__} is no frozen dataclass"
    for base in kind.__mro__[1:-1]:
        problem = record_problem(base)
        if problem is not None:
            return f"{kind.__name__} inherits from what is no record: {problem}"
    for name in ("__post_init__", "__getattr__", "__del__"):
        if hasattr(kind, name):
            return f"{kind.__name__} has a {name} of its own"
    if "__class__" in vars(kind):
        return f"{kind.__name__} has a __class__ of its own"
    for name in ("__new__", "__getattribute__"):
        if getattr(kind, name) is not getattr(object, name):
            return f"{kind.__name__} has a {name} of its own"
    kinds = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        problem = _field_problem(kind, field) or kind_problem(kinds[field.name])
        if problem is not None:
            return problem
    init = cast("Any", kind).__init__
    if not (_same_function(init, _generated_init(kind)) or _sets_each_slot(kind, init)):
        return f"{kind.__name__} has an __init__ of its own"
    return None


def _field_problem(kind: type, field: dataclasses.Field[Any]) -> str | None:
    if vars(kind).get("__annotations__", {}).get(field.name, field.type) != field.type:
        return f"{kind.__name__}.{field.name} is of another type than it was made with"
    if not field.init:
        return f"{kind.__name__}.{field.name} is no argument of the constructor (init=False)"
    if field.kw_only:
        return f"{kind.__name__}.{field.name} can be given by name only (kw_only)"
    stored: object = inspect.getattr_static(kind, field.name, None)
    if type(stored) is MemberDescriptorType:
        own = stored.__name__ == field.name and stored.__objclass__ in kind.__mro__
    else:
        own = stored is None or stored is field.default
        own = own and not hasattr(type(stored), "__get__")
    return None if own else f"{kind.__name__}.{field.name} is read through something else than the field"


def _generated_init(kind: type) -> FunctionType:
    """The constructor that Python makes for a frozen dataclass of these fields."""
    fields = [
        (
            field.name,
            field.type,
            dataclasses.field(default=field.default)
            if field.default_factory is dataclasses.MISSING
            else dataclasses.field(default_factory=field.default_factory),
        )
        for field in dataclasses.fields(kind)
    ]
    return cast("FunctionType", cast("Any", dataclasses.make_dataclass(kind.__name__, fields, frozen=True)).__init__)


def _sets_each_slot(kind: type, init: object) -> bool:
    """Whether a constructor sets each field of its class from the argument of that name, by the field's own descriptor.

    ``domain.record.fast_init`` makes such constructors. What it should look like is written here once more.
    """
    names = [field.name for field in dataclasses.fields(cast("Any", kind))]
    written: dict[str, Any] = {}
    sets = "; ".join(f"set_{name}(self, {name})" for name in names)
    exec(f"def __init__({', '.join(['self', *names])}): {sets or 'pass'}", written)
    if not _same_function(init, written["__init__"]) or not isinstance(init, FunctionType):
        return False
    return (
        init.__defaults__ is None
        and init.__kwdefaults__ is None
        and all(_is_setter_of(kind, name, init.__globals__.get(f"set_{name}")) for name in names)
    )


def _is_setter_of(kind: type, name: str, setter: object) -> bool:
    """Whether a function is the ``__set__`` of the descriptor of a field."""
    if type(setter) is not MethodWrapperType:
        return False
    return setter.__name__ == "__set__" and setter.__self__ is inspect.getattr_static(kind, name)


def _same_function(one: object, other: FunctionType) -> bool:
    """Two functions have the same code and see the same through their closures."""
    if type(one) is not FunctionType or not same_code(one.__code__, other.__code__):
        return False
    cells = zip(one.__closure__ or (), other.__closure__ or (), strict=True)
    return all(left.cell_contents is right.cell_contents for left, right in cells)


@cache
def enum_problem(kind: type) -> str | None:
    """Why a class is no enum whose members rules may compare: not the plain ``StrEnum`` of its members."""
    if type(kind) is not EnumMeta or kind.__bases__ != (StrEnum,):
        return f"{kind.__name__} is no plain StrEnum"
    members = cast("dict[str, StrEnum]", dict(cast("Any", kind).__members__))
    plain = vars(StrEnum(kind.__name__, {name: member.value for name, member in members.items()}))
    for name, value in vars(kind).items():
        if name in members or name in _OF_ANY_CLASS:
            continue
        if name not in plain or (callable(value) and value is not plain[name]):
            return f"{kind.__name__} has a {name} of its own"
    return None
