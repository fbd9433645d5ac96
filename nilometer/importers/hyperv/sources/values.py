"""The values of PowerShell's JSON, however it wrote them: numbers as texts, enums as numbers, time spans as objects."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from domain.errors import InputError
from domain.quantities import LARGEST
from domain.state import Power
from nilometer.times import inside, parse_time

Json = dict[str, Any]

NO_GUID: Final = "00000000-0000-0000-0000-000000000000"
"""What .NET writes for none."""
_GUID: Final = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")
_SPAN: Final = re.compile(r"(?:(\d{1,7})\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d{1,7})?", re.ASCII)
_DATE: Final = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,20}", re.ASCII)
_TICKS: Final = 10_000_000
"""Of .NET, in a second."""

_POWERS: Final = {2: Power.RUNNING, 3: Power.OFF, 6: Power.SAVED, 9: Power.PAUSED}
_POWER_NAMES: Final = {"running": 2, "off": 3, "saved": 6, "paused": 9}


class BadValue(Exception):
    """A value is not what it should be; says what it should be."""


def whole(value: object) -> int | None:
    """A whole number, also as a text or with a fraction of 0; ``None`` for null and an empty text."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue("is no whole number")
    return value


def size(value: object) -> int | None:
    """A size in bytes."""
    count = whole(value)
    if count is not None and not 0 <= count <= LARGEST:
        raise BadValue(f"{count} is no size in bytes, 0 to 4 PiB")
    return count


def small(value: object) -> int | None:
    """A count or a percentage."""
    count = whole(value)
    if count is not None and not 0 <= count <= 10**6:
        raise BadValue(f"{count} is out of range")
    return count


def flag(value: object) -> bool | None:
    """Yes or no, also as a text or number."""
    if value is None or isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "false": False, "0": False, "": None}
    text = str(value).strip().lower() if isinstance(value, str | int) else "?"
    if text not in known:
        raise BadValue("is neither true nor false")
    return known[text]


def text(value: object) -> str | None:
    """A text; ``None`` for an empty one."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadValue("is no text")
    return value.strip() or None


def guid(value: object) -> str | None:
    """A GUID in lower case, without braces; ``None`` for none, also as .NET writes it."""
    told = text(value)
    if told is None:
        return None
    match = _GUID.fullmatch(told)
    if match is None:
        raise BadValue(f"{told[:60]!r} is no GUID")
    found = match[1].lower()
    return None if found == NO_GUID else found


def power(value: object) -> Power | None:
    """A VM's power state, by the number or the English name of ``VMState``.

    Others are no lasting state. From 32781 on Windows versions differ in what a number means: nothing is guessed.
    """
    if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
        return _POWERS.get(_POWER_NAMES.get(value.strip().lower(), 0))
    number = whole(value)
    return None if number is None else _POWERS.get(number)


def seconds(value: object) -> int | None:
    """A TimeSpan in whole seconds: an object with Ticks, or a text such as ``1.02:03:04.5``."""
    if isinstance(value, dict):
        ticks = whole(cast("Json", value).get("Ticks"))
        if ticks is None or not 0 <= ticks < 2**63:
            raise BadValue("is no time span: it has no Ticks")
        return ticks // _TICKS
    told = text(value)
    if told is None:
        return None
    match = _SPAN.fullmatch(told)
    if match is None:
        raise BadValue(f"{told[:60]!r} is no time span such as 1.02:03:04")
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def version(value: object) -> str | None:
    """A configuration version, ``major.minor``."""
    told = str(value) if isinstance(value, float) else text(value)
    if told is not None and not re.fullmatch(r"\d{1,3}\.\d{1,3}", told, re.ASCII):
        raise BadValue(f"{told[:60]!r} is no version such as 9.0")
    return told


def moment(value: object) -> str | datetime | None:
    """A DateTime: with a zone in the form of ``nilometer.times``, or the local time that it tells.

    Windows PowerShell writes ``/Date(ms)/``, which is UTC, also within an object; PowerShell 7 writes ISO 8601.
    """
    if isinstance(value, dict):
        value = cast("Json", value).get("value")
    told = text(value)
    if told is None:
        return None
    if (match := _DATE.fullmatch(told)) is not None:
        try:
            return inside(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1])))
        except OverflowError:
            raise BadValue(f"{told!r} is out of range") from None
    try:
        local = datetime.fromisoformat(told)
    except ValueError:
        raise BadValue(f"{told[:60]!r} is no time") from None
    if local.tzinfo is None:
        return local
    try:
        return parse_time(told)
    except InputError as error:
        raise BadValue(error.message) from None
