"""Mending stored events that cannot be read: values that mean the same in another type, and nothing else.

A mended event is one that Nilometer would have written: it is read back, and what it decides follows from its evidence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from domain.deciding.redecide import find_other_decision
from domain.errors import InputError
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import ATTRIBUTES, to_canonical_json
from nilometer.storage.bodies import decode
from nilometer.storage.reader import StoredRow
from nilometer.textio.strict_json import parse_strict_json


@dataclass(frozen=True, slots=True)
class MendedEvent:
    """An event as it would be stored, and what was changed, in words."""

    row: StoredRow
    changes: tuple[str, ...]


def mend_event(row: StoredRow) -> MendedEvent | None:
    """An event with its values in the types in which they are written; ``None`` if that does not make it readable."""
    body = cast("object", row.body)
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogateescape")
    try:
        whole = parse_strict_json(cast("bytes", body), "")
    except (InputError, TypeError, AttributeError):  # where it is neither bytes nor a text
        return None
    if not isinstance(whole, dict):
        return None
    fields = cast("dict[str, Any]", whole)
    changes: list[str] = []
    for name in ATTRIBUTES:
        value = fields.get(name)
        if type(value) in (int, float):
            fields[name] = json.dumps(value)
            changes.append(f"{name}: {value!r} becomes {fields[name]!r}")
    changes += _write_whole_numbers(fields, "")
    mended = StoredRow(
        position=row.position, stream=row.stream, version=row.version, topic=row.topic, body=to_canonical_json(fields)
    )
    if mended.body != row.body and not changes:
        changes.append("its JSON is written in the form in which events are stored")
    return MendedEvent(mended, tuple(changes)) if changes and is_sound(mended) else None


def is_sound(row: StoredRow) -> bool:
    """Whether an event can be read, and what it decides follows from its evidence."""
    try:
        event = decode(row.stream, row.version, row.topic, row.body).event
    except UnreadableEvent:
        return False
    return find_other_decision(event) is None


def _write_whole_numbers(value: object, place: str) -> Iterator[str]:
    """Turns every float that is a whole number into that number, and says so: a stored event has no floats."""
    parts: list[tuple[str, object]] | list[tuple[int, object]] = []
    if isinstance(value, dict):
        parts = list(cast("dict[str, object]", value).items())
    elif isinstance(value, list):
        parts = list(enumerate(cast("list[object]", value)))
    for name, part in parts:
        where = f"{place}.{name}" if place else str(name)
        if isinstance(part, float) and part.is_integer():
            cast("Any", value)[name] = int(part)
            yield f"{where}: {part!r} becomes {int(part)}"
        else:
            yield from _write_whole_numbers(part, where)
