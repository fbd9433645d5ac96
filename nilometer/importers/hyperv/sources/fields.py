"""Fields of foreign JSON: numbers that may be texts, what may be null. Others are refused with what was expected."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, cast

from domain.errors import InputError
from domain.quantities import LARGEST
from nilometer.times import parse_time

_WHOLE: Final = re.compile(r"[0-9]{1,16}")
_GUID: Final = re.compile(r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?")
LONGEST_TEXT: Final = 4096

Json = dict[str, Any]


def plain(value: object, place: str) -> Json:
    """An object."""
    if not isinstance(value, dict):
        raise InputError(f"{place}: is no JSON object", hint="is it the file you meant, one JSON object a line?")
    return cast("Json", value)


def number(record: Json, key: str, place: str, unit: int = 1) -> int | None:
    """A whole number that is not negative, in ``unit``; also as a text, or with ``.0``."""
    value = record.get(key)
    if value is None or value == "":
        return None
    if type(value) is int and 0 <= value * unit <= LARGEST:  # as nearly always
        return value * unit
    if (isinstance(value, str) and _WHOLE.fullmatch(value.strip())) or (
        isinstance(value, float) and value.is_integer()
    ):
        value = int(value)
    if type(value) is not int or not 0 <= value * unit <= LARGEST:
        raise _refused(record, key, place, "a whole number from 0 on, at most 4 PiB")
    return value * unit


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that are read together."""

    names: tuple[str, ...]
    get: Callable[[Json], tuple[Any, ...]]


def keys(first: str, second: str, *others: str) -> Keys:
    """Keys that are read together."""
    return Keys((first, second, *others), itemgetter(first, second, *others))


def numbers(record: Json, of: Keys, place: str, unit: int = 1) -> list[int | None]:
    """The numbers of several keys, as ``number`` reads each; quick where all are there and plain, as nearly always."""
    try:
        values = of.get(record)
    except KeyError:
        return [number(record, name, place, unit) for name in of.names]
    most = LARGEST // unit
    read: list[int | None] = []
    for name, value in zip(of.names, values, strict=True):
        plain = type(value) is int and 0 <= value <= most
        read.append(value * unit if plain else number(record, name, place, unit))
    return read


def flag(record: Json, key: str, place: str) -> bool | None:
    """True or false; also as a text or number."""
    value = record.get(key)
    if value is None or value is True or value is False:
        return value
    if value == "":
        return None
    known = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    if known is None:
        raise _refused(record, key, place, "true or false")
    return known


def text(record: Json, key: str, place: str) -> str | None:
    """A text that is not empty."""
    value = record.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise _refused(record, key, place, f"a text of at most {LONGEST_TEXT} characters")
    if value.isascii() and value.isprintable():
        return value
    return unicodedata.normalize("NFC", value)


def guid(record: Json, key: str, place: str) -> str | None:
    """A GUID: in lower case, without braces."""
    value = text(record, key, place)
    if value is None:
        return None
    found = _guid(value)
    if found is None:
        raise _refused(record, key, place, "a GUID, such as d9e0eb0a-5b37-508e-9173-67e9ade83acf")
    return found


@lru_cache(10_000)
def _guid(text: str) -> str | None:
    match = _GUID.fullmatch(text.strip().lower())
    return None if match is None else match[1]


def time(record: Json, key: str, place: str) -> str | None:
    """A time with its zone, as it is kept inside."""
    value = text(record, key, place)
    if value is None:
        return None
    try:
        return parse_time(value)
    except InputError as error:
        raise InputError(f"{place}: {key}: {error.message}", hint=error.hint) from None


def _refused(record: Json, key: str, place: str, expected: str) -> InputError:
    return InputError(f"{place}: {key} is {str(record.get(key))[:60]!r}", hint=f"expected is {expected}")
