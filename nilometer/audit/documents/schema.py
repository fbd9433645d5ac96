"""Whether a document that comes from outside is as its published schema says, and where it is not.

The schema is asked itself, so that what is published and what is read cannot differ. Of JSON Schema this knows what
the schemas of audits use; a test compares the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from nilometer.times import is_utc_time

Schema = Mapping[str, Any]

MOST: Final = 2**63 - 1
"""The largest whole number that is read: no ledger has a larger one, and sums of very large ones cannot be shown."""
_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "null": (type(None), "null"),
}
_FORMATS: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "date-time": (is_utc_time, "a time such as 2026-11-23T09:00:00.000000Z"),
}
_IGNORED: Final = frozenset(("$schema", "$id", "title", "description"))


@cache
def published_schema(name: str) -> Schema:
    """A schema that is published with this program."""
    return cast("Schema", json.loads((files("nilometer.schemas") / f"{name}.json").read_text("utf-8")))


def find_problem(document: object, schema: Schema) -> str | None:
    """The first thing that is wrong with a document, with its place: ``findings[2].count is under 1``."""
    return next((f"{place or 'it'} {why}" for place, why in _problems(document, schema, "")), None)


def _problems(value: object, schema: Schema, place: str) -> Iterator[tuple[str, str]]:
    """Places, and what is wrong there. Most is asked of values of one type only, as the standard has it."""
    for key, asked in schema.items():
        if key not in _IGNORED:
            yield from _CHECKS[key](value, asked, schema, place)


def _type(value: object, asked: str | list[str], _: Schema, place: str) -> Iterator[tuple[str, str]]:
    names = [asked] if isinstance(asked, str) else asked
    if not any(type(value) is _TYPES[name][0] for name in names):
        *most, last = [_TYPES[name][1] for name in names]
        yield place, f"is not {', '.join(most)}{', or ' if most else ''}{last}"
    elif type(value) is int and abs(value) > MOST:
        yield place, f"is over {MOST:,}" if value > 0 else f"is under -{MOST:,}"


def _const(value: object, asked: object, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if type(value) is not type(asked) or value != asked:
        yield place, f"is not {asked!r}"


def _enum(value: object, asked: list[object], _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if not any(type(value) is type(one) and value == one for one in asked):
        yield place, f"is not one of {', '.join(map(repr, asked))}"


def _minimum(value: object, asked: int, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if type(value) is int and value < asked:
        yield place, f"is under {asked}"


def _maximum(value: object, asked: int, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if type(value) is int and value > asked:
        yield place, f"is over {asked:,}"


def _pattern(value: object, asked: str, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    whole = f"{asked[:-1]}\\Z" if asked.endswith("$") else asked  # to Python alone, $ is before a last line end too
    if isinstance(value, str) and re.search(whole, value) is None:
        yield place, f"is not of the form {asked}"


def _min_length(value: object, asked: int, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and len(value) < asked:
        yield place, "is empty" if asked == 1 else f"has under {asked} characters"


def _format(value: object, asked: str, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    is_of_format, example = _FORMATS[asked]
    if isinstance(value, str) and not is_of_format(value):
        yield place, f"is not {example}"


def _properties(value: object, asked: Mapping[str, Schema], _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        known = cast("dict[str, object]", value)
        for name, schema in asked.items():
            if name in known:
                yield from _problems(known[name], schema, f"{place}.{name}" if place else name)


def _required(value: object, asked: list[str], _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name in asked:
            if name not in value:
                yield f"{place}.{name}" if place else name, "is missing"


def _additional(value: object, asked: Schema | bool, schema: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        known = cast("dict[str, object]", value)
        for name in [name for name in known if name not in schema.get("properties", {})]:
            if asked is False:
                yield place, f"has the unknown key {name[:60]!r}"
            elif asked is not True:
                yield from _problems(known[name], asked, f"{place}[{name[:60]!r}]")


def _items(value: object, asked: Schema, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _problems(item, asked, f"{place}[{index}]")


def _prefix_items(value: object, asked: list[Schema], _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, (item, schema) in enumerate(zip(cast("list[object]", value), asked, strict=False)):
            yield from _problems(item, schema, f"{place}[{index}]")


def _min_items(value: object, asked: int, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and len(cast("list[object]", value)) < asked:
        yield place, f"has under {asked} items"


def _max_items(value: object, asked: int, _: Schema, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and len(cast("list[object]", value)) > asked:
        yield place, f"has over {asked} items"


def _any_of(value: object, asked: list[Schema], _: Schema, place: str) -> Iterator[tuple[str, str]]:
    found = [next(_problems(value, schema, place), None) for schema in asked]
    if None not in found:
        yield cast("tuple[str, str]", found[-1])


_CHECKS: Final[Mapping[str, Callable[[object, Any, Schema, str], Iterator[tuple[str, str]]]]] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "minimum": _minimum,
    "maximum": _maximum,
    "pattern": _pattern,
    "minLength": _min_length,
    "format": _format,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _prefix_items,
    "minItems": _min_items,
    "maxItems": _max_items,
    "anyOf": _any_of,
}
