"""The types of a record's fields, read from its annotations."""

from __future__ import annotations

import sys
from dataclasses import fields
from functools import cache
from inspect import get_annotations
from typing import Any, TypeVar, get_args, get_origin

Kind = Any
"""What stands in an annotation: a class, or a form such as ``str | None``."""


def field_types(kind: Kind) -> dict[str, Kind]:
    """The types of the fields of a dataclass, or of a form of a generic one such as ``Tracked[VmAggregate]``.

    As ``typing.get_type_hints`` gives them, which evaluates the same few annotations for each field anew.
    """
    record = class_of(kind)
    given = dict(zip(record.__parameters__, get_args(kind), strict=True)) if get_args(kind) else {}
    annotations = _annotations(record)
    return {part.name: _filled(_evaluated(*annotations[part.name]), given) for part in fields(record)}


def class_of(kind: Kind) -> Any:
    """The class that a type is, or of which it is a form with parameters."""
    origin: object = get_origin(kind)
    return kind if origin is None else origin


def _annotations(record: Any) -> dict[str, tuple[str, str]]:
    """The annotations of a record and of what it inherits from, as written, each with the module where that is."""
    return {
        name: (annotation, part.__module__)
        for part in reversed(record.__mro__)
        for name, annotation in get_annotations(part).items()
    }


@cache
def _evaluated(annotation: str, module: str) -> Kind:
    return eval(annotation, vars(sys.modules[module]))


def _filled(kind: Kind, given: dict[Any, Kind]) -> Kind:
    """A type with the parameter of its generic record filled in."""
    return given.get(kind, kind) if isinstance(kind, TypeVar) else kind
