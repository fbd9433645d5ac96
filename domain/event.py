"""What every event is: a fact about a host or a VM, with a stable name and the version of its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from domain.record import Record

E = TypeVar("E", bound=type["Event"])


class Event(Record):
    """Anything that happened to a host or a VM."""

    __slots__ = ()
    KIND: ClassVar[str]
    VERSION: ClassVar[int]


def event(kind: str, version: int = 1) -> Callable[[E], E]:
    """Gives an event class its stable name and the version of its shape. ``domain.kinds`` lists all of them."""

    def name(cls: E) -> E:
        cls.KIND = kind
        cls.VERSION = version
        return cls

    return name
