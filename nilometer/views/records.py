"""Records read from JSON by the annotations of their fields, in plain Python.

What a stored view holds is shown by commands that do nothing else. To load pydantic, or its core, would take them
longer than to read the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, Union, cast, get_args, get_origin

from domain.shapes import ReadBy
from nilometer.storage.annotations import Kind, class_of, field_types

Reader = Callable[[object], Any]
"""Turns what JSON holds into a value. Raises ``ValueError`` if it is not of the type."""

_PLAIN: Final = {str: "a text", int: "a whole number", bool: "true or false"}


@cache
def reader_of(kind: Kind) -> Reader:
    """The reader of a type: of records of whole numbers, texts, enums, and records, lists and objects of them.

    Raises ``TypeError`` for a type that no stored record has.
    """
    if isinstance(kind, NewType):
        return reader_of(kind.__supertype__)
    if kind in _PLAIN:
        return _plain(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _one_of({member.value: member for member in kind})
    origin: Any = get_origin(kind)
    if origin is Annotated:
        return _annotated(*get_args(kind))
    if origin is Literal:
        return _one_of({value: value for value in get_args(kind)})
    if origin in (Union, UnionType):
        return _any_of(get_args(kind))
    if origin is dict:
        return _object_of(reader_of(get_args(kind)[1]))
    if origin is tuple and get_args(kind)[1:] == (...,):
        return _list_of(reader_of(get_args(kind)[0]))
    record = class_of(kind)
    if is_dataclass(record):
        return _record(kind, record)
    raise TypeError(f"no stored record has a field of {kind!r}")


def _plain(kind: type) -> Reader:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise ValueError(f"{value!r} is not {_PLAIN[kind]}")
        return value

    return read


def _one_of(values: dict[object, object]) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f"{value!r} is not one of {', '.join(map(str, values))}")
        return values[value]

    return read


def _annotated(kind: Kind, *annotations: object) -> Reader:
    """A value that is written in another form is read by its annotation; the others only check what people write."""
    return next((annotation.read for annotation in annotations if isinstance(annotation, ReadBy)), reader_of(kind))


def _any_of(kinds: tuple[Kind, ...]) -> Reader:
    readers = [reader_of(kind) for kind in kinds if kind is not NoneType]
    may_be_none = NoneType in kinds

    def read(value: object) -> object:
        if value is None and may_be_none:
            return None
        for reader in readers[:-1]:
            try:
                return reader(value)
            except ValueError:
                pass
        return readers[-1](value)

    return read


def _object_of(reader: Reader) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is not an object")
        return {key: reader(item) for key, item in cast("dict[str, object]", value).items()}

    return read


def _list_of(reader: Reader) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")
        return tuple(reader(item) for item in cast("list[object]", value))

    return read


def _record(kind: Kind, record: Any) -> Reader:
    readers = [(name, reader_of(part)) for name, part in field_types(kind).items()]

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is not an object")
        parts = cast("dict[str, object]", value)
        try:
            return record(**{name: reader(parts[name]) for name, reader in readers})
        except KeyError as error:
            raise ValueError(f"{record.__name__} lacks {error}") from None

    return read
