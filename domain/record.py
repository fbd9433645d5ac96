"""What commands, events and the records about them share: how they are made, shown, compared and hashed.

A dataclass generates all of it anew for each class. For the 80 classes that every decision loads this would take a
fifth of the time in which a command of ``nilo`` starts. So ``Record`` has what they share, and ``@record`` generates
the rest: their ``__init__``, which also takes half of the time that a frozen dataclass's takes. What rules make stays a
dataclass as Python generates it, but for that ``__init__``: ``@fast_init``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, dataclass_transform

R = TypeVar("R", bound="Record")
T = TypeVar("T")


class Record:
    """A frozen dataclass that is shown, compared, hashed, copied and pickled by its fields, as any dataclass is."""

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        names = (field.name for field in fields(cast("Any", self)))
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        values_of = _VALUES[type(self)]
        equal: bool = values_of(self) == values_of(other)
        return equal

    def __hash__(self) -> int:
        return hash(_VALUES[type(self)](self))

    def __getstate__(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(cast("Any", self))}

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # type checkers know from the decorator that it is frozen

        def __setattr__(self, name: str, value: object) -> None:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")

        def __delattr__(self, name: str) -> None:
            raise FrozenInstanceError(f"cannot delete field {name!r}")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(*, kw_only: bool = False) -> Callable[[type[R]], type[R]]:
    """Makes a ``Record`` of a class: a frozen dataclass with slots."""

    def make(cls: type[R]) -> type[R]:
        made = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
        made.__init__ = _initializer(made)  # type: ignore[method-assign]
        return made

    return make


def fast_init(cls: type[T]) -> type[T]:
    """Gives a frozen dataclass with slots an ``__init__`` that sets each slot by its own descriptor.

    The reader of rules compares it with what it should be: see ``rules.symbolic.plain``.
    """
    cast("Any", cls).__init__ = _initializer(cls)
    return cls


class _Factory:
    """Stands in a signature for a default that is made anew for each record."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY: Final = _Factory()


def _initializer(cls: type) -> Callable[..., None]:
    """The ``__init__`` of a class: each slot is set by its own descriptor, which asks nobody whether it may."""
    positional = ["self"]
    by_keyword: list[str] = []
    body: list[str] = []
    names: dict[str, Any] = {"__name__": cls.__module__, "FACTORY": _FACTORY}
    annotations: dict[str, object] = {}
    for part in fields(cast("Any", cls)):
        name = parameter = value = part.name
        if part.default is not MISSING:
            names[f"default_{name}"] = part.default
            parameter = f"{name}=default_{name}"
        elif part.default_factory is not MISSING:
            names[f"default_{name}"] = part.default_factory
            parameter, value = f"{name}=FACTORY", f"default_{name}() if {name} is FACTORY else {name}"
        (by_keyword if part.kw_only else positional).append(parameter)
        names[f"set_{name}"] = getattr(cls, name).__set__
        body.append(f"set_{name}(self, {value})")
        annotations[name] = part.type
    parameters = ", ".join([*positional, "*", *by_keyword] if by_keyword else positional)
    exec(f"def __init__({parameters}): {'; '.join(body) or 'pass'}", names)
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {**annotations, "return": None}
    return init


class _Getters(dict[type, Callable[[object], object]]):
    """What gives the values of a class's records: of one field its value, of several a tuple of them."""

    def __missing__(self, record: type) -> Callable[[object], object]:
        names = [field.name for field in fields(cast("Any", record))]
        values_of: Callable[[object], object] = attrgetter(*names) if names else _no_values
        self[record] = values_of
        return values_of


def _no_values(_: object) -> object:
    return ()


_VALUES: Final = _Getters()
