"""A second writer of stored events, in plain Python, beside the one of pydantic's core: what both write alike is right.

To read an event back from its bytes takes four times as long as to write it once more. The second writer takes values
of exactly the types in their annotations and nothing else, not even a subclass. So where it comes to the same bytes,
they are the canonical JSON of just these values, and the reader takes every one of these types; ``find_difference``
reads the first event of each class back all the same, and every event of which the bytes differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from itertools import count
from json.encoder import encode_basestring
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin

from domain.envelope import Metadata
from domain.events import Event
from nilometer.storage.annotations import Kind, field_types

Restate = Callable[[Any], str]
"""The JSON of a value. Raises ``OfAnotherTypeError`` if one of its parts has another type than it should have."""

RestateBody = Callable[[Event, Metadata], str]
"""The JSON of an event with its metadata. Raises ``OfAnotherTypeError`` as ``Restate`` does."""


class OfAnotherTypeError(Exception):
    """A value is of another type than its annotation says, or of a subclass."""


class NotRestatedError(TypeError):
    """Values of this type are not written a second time: they are always read back."""


class _Members(dict[object, str]):
    """The JSON of the members of an enum, or of the values of a ``Literal``."""

    def __missing__(self, value: object) -> str:
        raise OfAnotherTypeError


def restater_of(kind: Kind) -> Restate:
    """The second writer of a type. Raises ``NotRestatedError`` for a type that has none."""
    names: dict[str, Any] = {"refuse": _refuse, "text": encode_basestring}
    return _function(_expression(kind, "value", names, count()), names)


def body_restater_of(event: type[Event]) -> RestateBody:
    """The second writer of the bodies of one event class: one expression, because calls are half of what it costs.

    Raises ``NotRestatedError`` for an event class that has none.
    """
    names: dict[str, Any] = {"refuse": _refuse, "text": encode_basestring}
    numbers = count()
    parts = {"data": _expression(event, "event", names, numbers)}
    for name, kind in field_types(Metadata).items():
        parts[name] = _expression(kind, f"metadata.{name}", names, numbers)
    written = ",".join(f'"{name}":{{{parts[name]}}}' for name in sorted(parts))
    restate: RestateBody = eval(f"lambda event, metadata: f'''{{{{{written}}}}}'''", names)
    return restate


def _refuse() -> str:
    raise OfAnotherTypeError


def _function(expression: str, names: dict[str, Any]) -> Restate:
    restate: Restate = eval(f"lambda value: {expression}", names)
    return restate


def _expression(kind: Kind, value: str, names: dict[str, Any], numbers: count[int]) -> str:
    """The source of an expression that gives the JSON of ``value``. What it calls is put into ``names``."""
    if isinstance(kind, NewType):
        return _expression(kind.__supertype__, value, names, numbers)
    if kind is str:
        return f"(text({value}) if type({value}) is str else refuse())"
    if kind is int:
        return f"({value} if type({value}) is int else refuse())"
    if kind is bool:
        return f"('true' if {value} is True else 'false' if {value} is False else refuse())"
    origin: Any = get_origin(kind)
    if origin in (Union, UnionType):
        one, *others = [part for part in get_args(kind) if part is not NoneType]
        if others:
            raise NotRestatedError(value)
        return f"('null' if {value} is None else {_expression(one, value, names, numbers)})"
    name = f"known{next(numbers)}"
    if origin is Literal:
        names[name] = _Members({member: _to_json(member) for member in get_args(kind)})
        names[f"{name}_types"] = frozenset(map(type, get_args(kind)))
        return f"({name}[{value}] if type({value}) in {name}_types else refuse())"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        names[name], names[f"{name}_type"] = _Members({member: _to_json(member.value) for member in kind}), kind
        return f"({name}[{value}] if type({value}) is {name}_type else refuse())"
    if isinstance(kind, type) and is_dataclass(kind):
        names[name], names[f"{name}_type"] = _function(_object(kind, names, numbers), names), kind
        return f"({name}({value}) if type({value}) is {name}_type else refuse())"
    raise NotRestatedError(value)


def _object(record: Any, names: dict[str, Any], numbers: count[int]) -> str:
    types = field_types(record)
    parts: list[str] = []
    numbered: list[str] = []
    for name in sorted(part.name for part in fields(record)):
        value = f"value.{name}"
        if types[name] is int:  # the types of all whole numbers are looked at together
            numbered.append(f"type({value})")
        else:
            value = _expression(types[name], value, names, numbers)
        parts.append(f'"{name}":{{{value}}}')
    written = f"f'''{{{{{','.join(parts)}}}}}'''"
    return f"({written} if {' is '.join([*numbered, 'int'])} else refuse())" if numbered else written


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
