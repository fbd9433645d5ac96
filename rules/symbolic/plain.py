"""Records and enums that are what they look like: as Python generates them, with nothing of their own beside.

The reader takes the meaning of ``Vm(…)``, ``vm.assigned`` and ``Power.OFF`` from Python's definitions of frozen
dataclasses and of ``StrEnum``. A class may change each of them. Here each is compared, by identity and by its code,
with what Python makes of the same fields and members. A problem is a sentence; ``None`` is none.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
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
    try:
        kinds = get_type_hints(kind)
    except Exception as error:  # an annotation may be any expression
        return f"the fields of {kind.__name__} have types that cannot be evaluated ({type(error).__name__}: {error})"
    for field in dataclasses.fields(kind):
        problem = _field_problem(kind, field) or kind_problem(kinds.get(field.name))
        if problem is not None:
            return problem
    init = cast("Any", kind).__init__
    if not (_is_generated(kind, init) or _sets_each_slot(kind, init)):
        return f"{kind.__name__} has an __init__ of its own"
    return None if _gives_back(kind) else f"{kind.__name__} does not give back what it is made of"


def _gives_back(kind: type) -> bool:
    """Whether a new record has the values that it was made of: what generated its code may have been changed too."""
    values = {field.name: object() for field in dataclasses.fields(kind)}
    try:
        return _has(kind(*values.values()), values)
    except Exception:  # whatever it does, it is no constructor of records
        return False


def _has(record: object, values: Mapping[str, object]) -> bool:
    return all(getattr(record, name) is value for name, value in values.items())


def replace_problem(replace: FunctionType, kind: type) -> str | None:
    """Why a function, whose code is that of its file, is no ``replace`` for a kind of record: by what it answers.

    It calls others that may have been exchanged. So it is tried: with each field alone, with all and with none.
    """
    values = {field.name: object() for field in dataclasses.fields(cast("Any", kind))}
    record = kind(*values.values())
    for names in (*[[name] for name in values], [*values], []):
        changes = {name: object() for name in names}
        try:
            changed = replace(record, **changes)
            good = type(changed) is kind and _has(changed, {**values, **changes})
        except Exception:  # whatever it does, it is no replace
            good = False
        if not good:
            return f"replace does not change {kind.__name__} as Python's does"
    return None


def _field_problem(kind: type, field: dataclasses.Field[Any]) -> str | None:
    if _annotations_of(kind, field.name) != field.type:
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
        own = own and not hasattr(type(stored), "__get__") and not hasattr(type(stored), "__set__")
    return None if own else f"{kind.__name__}.{field.name} is read through something else than the field"


def _annotations_of(kind: type, name: str) -> object:
    """The annotation of a field in the class that it is of, as it is now."""
    classes = (base for base in kind.__mro__ if name in vars(base).get("__annotations__", {}))
    owner = next(classes, None)
    return None if owner is None else vars(owner)["__annotations__"][name]


def _is_generated(kind: type, init: object) -> bool:
    try:
        return _same_function(init, _generated_init(kind))
    except (TypeError, ValueError):  # no class can have these fields, so they were changed
        return False


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
    cells = zip(one.__closure__ or (), other.__closure__ or (), strict=True)  # an empty one raises ValueError
    return all(left.cell_contents is right.cell_contents for left, right in cells)


@cache
def enum_problem(kind: type) -> str | None:
    """Why a class is no enum whose members rules may compare: not the plain ``StrEnum`` of its members."""
    if type(kind) is not EnumMeta or kind.__bases__ != (StrEnum,):
        return f"{kind.__name__} is no plain StrEnum"
    members = cast("dict[str, object]", dict(cast("Any", kind).__members__))
    listed = [members.get(name) for name in cast("Any", kind)._member_names_]  # what iterating over it goes through
    if not members or any(not isinstance(member, kind) for member in [*listed, *members.values()]):
        return f"{kind.__name__} has no members, or lists what is none"
    if sorted(map(id, listed)) != sorted({*map(id, members.values())}):
        return f"{kind.__name__} does not list each of its members once"
    plain = vars(StrEnum(kind.__name__, [*members]))
    for name, value in vars(kind).items():
        if name in members or name in _OF_ANY_CLASS:
            continue
        if name not in plain or (callable(value) and value is not plain[name]):
            return f"{kind.__name__} has a {name} of its own"
    return None
