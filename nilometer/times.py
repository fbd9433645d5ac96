"""Times: read as people and programs write them, kept as UTC texts of one width, shown in local time with its zone.

A ``UtcTime`` is ``2026-11-23T09:00:00.000000Z``: the order of such texts is their order in time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime

_TIME: Final = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r" ?(?P<zone>Z|z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
WRITTEN_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
"""The pattern of a ``UtcTime``, without a group; its first ten characters are also to be asked of ``is_day``."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WITH_ZONE: Final = "write it with its zone, such as 2026-11-23T09:00:00Z or 2026-11-23T10:00:00+01:00"
FAR_AHEAD: Final = timedelta(days=1)
"""So far ahead of the clock a time is taken for a mistake, unless somebody says that it is meant."""


def to_utc_time(moment: datetime) -> UtcTime:
    """Converts a time with a zone. Raises ``OverflowError`` or ``ValueError`` at the ends of the calendar."""
    there = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return UtcTime(f"{there.isoformat(timespec='microseconds')[:-6]}Z")


Clock = Callable[[], datetime]
"""Gives the time now, with its zone. Whatever needs the time now takes it from one of these."""


def system_clock() -> datetime:
    """The time now, by the clock of this machine."""
    return datetime.now(UTC)


def current_time(clock: Clock = system_clock) -> UtcTime:
    """The time now by a clock. Raises ``InputError`` for a clock that gives something else than a time with a zone."""
    moment = cast("object", clock())
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InputError(f"the clock gives {moment!r}, not a time with its zone", hint="such as datetime.now(UTC)")
    return to_utc_time(moment)


def is_far_ahead(time: UtcTime, now: UtcTime) -> bool:
    """Whether a time is so far ahead of now that it is taken for a mistake."""
    return time > now and datetime.fromisoformat(time) - datetime.fromisoformat(now) > FAR_AHEAD


def is_utc_time(text: str) -> bool:
    """Whether a text is a time in the form of ``UtcTime``."""
    try:
        is_wide = len(text) == 27 and text[7] == "-" and text[10] == "T" and text[19] == "." and text[26] == "Z"
        return is_wide and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def is_day(written: bytes) -> bool:
    """Whether a date, which has the form of one, is in the calendar."""
    try:
        return bool(date.fromisoformat(written.decode()))
    except ValueError:
        return False


def parse_time(text: str) -> UtcTime:
    """Reads a time that names its zone. Raises ``InputError`` with what to write instead.

    What is finer than a microsecond is cut off.
    """
    moment = read_time(text, WITH_ZONE)
    if moment.tzinfo is None:
        raise InputError(f"{text!r} does not say its time zone", hint=WITH_ZONE)
    return convert_time(moment, text, WITH_ZONE)


def format_time(text: str) -> str:
    """Formats a time for people: local, in whole seconds, with its zone: ``2026-11-23 10:00:00+01:00``.

    A zone that is UTC is shown as ``Z``.
    """
    minute, zone = _local_minute(text[:16], time.tzname)
    is_wide = len(text) == 27 and text[16] == ":" and text[26] == "Z"
    return f"{minute}:{text[17:19]}{zone}" if zone and is_wide else _format(text, "seconds")


@lru_cache(maxsize=256)  # events stand in the order of their times, and no zone changes within a minute
def _local_minute(text: str, names: tuple[str, str]) -> tuple[str, str]:
    """A minute as it is called here, and its zone; no zone if local minutes begin at other seconds.

    ``names`` are those of the local zone, so that another zone has other results.
    """
    with suppress(ValueError):
        local = _format(f"{text}:00.000000Z", "seconds")
        if local[16:19] == ":00":
            return local[:16], local[19:]
    return text, ""


def format_exact_time(text: str) -> str:
    """As ``format_time``, with the fraction of the second where there is one: ``2026-11-23 10:00:00.624+01:00``."""
    fraction = text[20:26].rstrip("0")
    return _format(text, "seconds" if not fraction else "milliseconds" if len(fraction) <= 3 else "microseconds")


def format_time_near(text: str, other: str | None) -> str:
    """As ``format_time``; the time of day alone if ``other`` is on the same local day."""
    time = format_time(text)
    return time[11:] if other is not None and format_time(other)[:10] == time[:10] else time


def format_time_short(text: str, other: str | None) -> str:
    """A local time for a table whose heading has the zone: ``09:00:05``.

    If ``other`` is on another day it is ``23 Nov 09:00``; of another year it is the day alone, ``2025-11-23``.
    """
    time, day = format_time(text), format_time(other or text)[:10]
    if time[:10] == day:
        return time[11:19]
    return f"{int(time[8:10])} {_MONTHS[int(time[5:7]) - 1]} {time[11:16]}" if time[:4] == day[:4] else time[:10]


def _format(text: str, precision: str) -> str:
    moment = datetime.fromisoformat(text)
    with suppress(OverflowError, ValueError, OSError):  # there is no local time at either end of the calendar
        moment = moment.astimezone()
    return moment.isoformat(sep=" ", timespec=precision).replace("+00:00", "Z")


def format_duration(seconds: float) -> str:
    """Formats a duration for people: ``120 ms``, ``8.8 s``, ``50 s``, ``3 min 20 s``, ``2 h 5 min``, ``4 d 2 h``."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if round(seconds) < 10:
        return f"{seconds:.1f} s"
    total = round(seconds)
    parts = ((total // 86400, "d"), (total // 3600 % 24, "h"), (total // 60 % 60, "min"), (total % 60, "s"))
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def read_time(text: str, hint: str) -> datetime:
    """Reads a time with or without its zone; a date alone is its first moment. Raises ``InputError`` with ``hint``."""
    match = _TIME.fullmatch(text.strip())
    if match is None or (match["zone"] and not match["clock"]):
        raise InputError(f"{text!r} is not a time", hint=hint)
    clock, fraction, zone = match["clock"] or "00:00", match["fraction"], match["zone"] or ""
    if zone[1:3] > "23":
        raise InputError(f"{text!r} is not a time: its offset from UTC is a day or more", hint=hint)
    if fraction:
        if clock.count(":") != 2:
            raise InputError(f"{text!r} is not a time", hint=hint)
        clock = f"{clock}.{fraction[:6]:0<6}"
    try:
        return datetime.fromisoformat(f"{match['date']}T{clock}{zone.upper()}")
    except ValueError as error:
        raise InputError(f"{text!r} is not a time: {error}", hint=hint) from None


def convert_time(moment: datetime, text: str, hint: str) -> UtcTime:
    """Converts a time with a zone that was read from ``text``. Raises ``InputError`` with ``hint``."""
    try:
        return to_utc_time(moment)
    except (OverflowError, ValueError):
        raise InputError(f"{text!r} is out of range", hint=hint) from None
