"""Records and enums that are what they look like: as Python generates them, with nothing of their own beside.

The reader takes the meaning of ``Vm(…)``, ``vm.assigned`` and ``Power.OFF`` from Python's definitions of frozen
dataclasses and of ``StrEnum``. A class may change each of them. Here each is compared, by identity and by its code,
with what Python makes of the same fields and members. A problem is a sentence; ``None`` is none.
"""

from __future__ import annotations

import dataclasses
import inspect
from enum import EnumMeta, StrEnum
from enum import property as enum_property
from functools import cache
from types import MemberDescriptorType
from typing import Any, Final, cast, get_type_hints

from rules.symbolic.constructors import sets_each_field
from rules.symbolic.replacing import has_values
from rules.symbolic.values import field_types, is_class, is_record

_MOST_FIGURES: Final = 2**12
"""Figures of a record, and of the records in it: two of two of two and so on are soon more than can be read."""
_OF_ANY_CLASS: Final = frozenset(
    ("__module__", "__qualname__", "__doc__", "__annotations__", "__static_attributes__", "__firstlineno__")
)


def kind_problem(kind: object) -> str | None:
    """Why a class is none whose values rules may take and answer."""
    if kind is int or kind is bool:
        return None
    if isinstance(kind, EnumMeta):
        return enum_problem(kind)
    return record_problem(kind) if is_class(kind) else f"{kind!r} is not a type that rules have"


def record_problem(kind: type) -> str | None:
    """Why a class is no record that rules may take, make and change: not the frozen dataclass that Python generates."""
    if type(kind) is not type:  # a metaclass may say what it likes when its classes are compared or kept
        return f"{kind.__name__} has a metaclass of its own"
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
    if "__dataclass_params__" not in vars(kind) or not is_record(kind) or not _has_fields(kind):
        return f"{kind.__name__} is not a frozen dataclass"
    for base in kind.__mro__[1:-1]:
        problem = record_problem(base)
        if problem is not None:
            return f"{kind.__name__} inherits from what is not a record: {problem}"
    for name in ("__post_init__", "__getattr__", "__del__"):
        if hasattr(kind, name):
            return f"{kind.__name__} has a {name} of its own"
    if "__class__" in vars(kind):
        return f"{kind.__name__} has a __class__ of its own"
    for name in ("__new__", "__getattribute__"):
        if getattr(kind, name) is not getattr(object, name):
            return f"{kind.__name__} has a {name} of its own"
    try:
        kinds = get_type_hints(kind)
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # an annotation may be any expression
        return f"the fields of {kind.__name__} have types that cannot be evaluated ({type(error).__name__}: {error})"
    for field in dataclasses.fields(kind):
        problem = _field_problem(kind, field) or kind_problem(kinds.get(field.name))
        if problem is not None:
            return problem
    if _count_figures(kind) > _MOST_FIGURES:
        return f"{kind.__name__} has more than {_MOST_FIGURES} figures"
    problem = None if _gives_back(kind) else f"{kind.__name__} does not give back what it is made of"
    if not sets_each_field(kind, cast("Any", kind).__init__):
        return f"{kind.__name__} has an __init__ of its own{'' if problem is None else f': {problem}'}"
    return problem


def _has_fields(kind: type) -> bool:
    """Whether a class has fields as a dataclass has them."""
    fields: object = vars(kind).get("__dataclass_fields__")
    if type(fields) is not dict:
        return False
    return all(type(field) is dataclasses.Field for field in cast("dict[str, object]", fields).values())


@cache
def _count_figures(kind: type) -> int:
    """How many figures are in a record: its own, and those of the records in it."""
    return sum(map(_count_figures, field_types(kind).values())) if is_record(kind) else 1


def _gives_back(kind: type) -> bool:
    """Whether a new record has the values that it was made of."""
    values = {field.name: object() for field in dataclasses.fields(kind)}
    try:
        return has_values(kind(*values.values()), values)
    except (RecursionError, MemoryError):
        raise
    except Exception:  # whatever it does, it is no constructor of records
        return False


def _field_problem(kind: type, field: dataclasses.Field[Any]) -> str | None:
    if _annotations_of(kind, field.name) != field.type:
        return f"{kind.__name__}.{field.name} is of another type than it was made with"
    if not field.init:
        return f"{kind.__name__}.{field.name} is not an argument of the constructor (init=False)"
    if field.kw_only:
        return f"{kind.__name__}.{field.name} can be given by name only (kw_only)"
    stored: object = inspect.getattr_static(kind, field.name, None)
    if type(stored) is MemberDescriptorType:
        own = stored.__name__ == field.name and stored.__objclass__ in kind.__mro__
    else:
        own = stored is None or stored is field.default
        own = own and not hasattr(type(stored), "__get__") and not hasattr(type(stored), "__set__")
    return None if own else f"{kind.__name__}.{field.name} is read through something else than the field"


def _annotations_of(kind: type, name: str) -> object:
    """The annotation of a field in the class that it is of, as it is now."""
    classes = (base for base in kind.__mro__ if name in vars(base).get("__annotations__", {}))
    owner = next(classes, None)
    return None if owner is None else vars(owner)["__annotations__"][name]


def enum_problem(kind: type) -> str | None:
    """Why a class is no enum whose members rules may compare: not the plain ``StrEnum`` of its members."""
    if type(kind) is not EnumMeta or kind.__bases__ != (StrEnum,):
        return f"{kind.__name__} is not a plain StrEnum"
    return _own_enum_problem(kind)


@cache
def _own_enum_problem(kind: type) -> str | None:
    members = cast("dict[str, object]", dict(cast("Any", kind).__members__))
    listed = [members.get(name) for name in cast("Any", kind)._member_names_]  # what iterating over it goes through
    if not members or any(not isinstance(member, kind) for member in [*listed, *members.values()]):
        return f"{kind.__name__} has no members, or lists what is none"
    if sorted(map(id, listed)) != sorted({*map(id, members.values())}):
        return f"{kind.__name__} does not list each of its members once"
    plain = vars(StrEnum(kind.__name__, [*members]))
    for name, value in vars(kind).items():
        if name in members:
            if not _is_stored(value, members[name]):
                return f"{kind.__name__}.{name} is read through something else than the member"
        elif name not in _OF_ANY_CLASS and not (name in plain and _is_same(value, plain[name])):
            return f"{kind.__name__} has a {name} of its own"
    if len({str.__str__(cast("str", member)) for member in listed}) < len(listed):
        return f"{kind.__name__} has two members that are equal"
    if EnumMeta.__getattribute__ is not type.__getattribute__ or any(hasattr(EnumMeta, name) for name in members):
        return f"members of {kind.__name__} are looked up in a way of their own"
    return None


def _is_same(value: object, other: object) -> bool:
    """Whether what an enum has of its own is what another one has, as far as it can be called.

    Since Python 3.12 each enum has a static method around the same function.
    """
    if {type(value), type(other)} == {staticmethod}:
        return cast("Any", value).__func__ is cast("Any", other).__func__
    return not callable(value) or value is other


def _is_stored(value: object, member: object) -> bool:
    """Whether what a class keeps under the name of a member is that member, or gives it and nothing else."""
    return value is member or (type(value) is enum_property and cast("Any", value).member is member)
