"""Records as JSON documents: field names in snake_case, enum values in kebab-case, sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, cast

from domain.observed.settings import known_parts
from domain.settings import ConfigVersion, MemorySetting


def to_document(value: object) -> Any:
    """Returns a record, and everything in it, as JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, ConfigVersion):
        return str(value)
    if isinstance(value, MemorySetting):
        known = known_parts(value)
        return {field.name: to_document(known.get(field.name)) for field in fields(value)}
    if is_dataclass(value):
        return {field.name: to_document(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_document(held) for key, held in cast("Mapping[object, object]", value).items()}
    if isinstance(value, tuple | list):
        return [to_document(held) for held in cast("list[object]", value)]
    return value
