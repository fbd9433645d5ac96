"""What commands, events and the records about them share: how they are shown, compared and hashed.

A dataclass generates this anew for each class. For the 70 classes that every decision loads this takes a tenth of the
time in which a command of ``nilo`` starts, so their decorators say ``eq=False, repr=False``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, cast


class Record:
    """A frozen dataclass that is shown, compared and hashed by its fields, as any dataclass is."""

    __slots__ = ()

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


class _Getters(dict[type, Callable[[object], object]]):
    """What gives the values of a class's records: of one field its value, of several a tuple of them."""

    def __missing__(self, record: type) -> Callable[[object], object]:
        self[record] = values_of = attrgetter(*[field.name for field in fields(cast("Any", record))])
        return values_of


_VALUES: Final = _Getters()
