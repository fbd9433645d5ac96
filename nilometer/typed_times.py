"""Times as people type them: a date, a time of day, both, ``yesterday``, ``friday 14:00``, ``2h ago``.

What names no zone is local. What could be several moments (``friday``, ``09:00``) is the latest that has begun. No
library is used: those that read dates guess, and an audit may not. What has two readings (``11/12/2026``) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.times import convert_time, read_time

TYPED: Final = (
    "write 2026-11-17, 2026-11-17 09:00 (local time), 2026-11-17T09:00:00Z, "
    "or such as: yesterday, friday 14:00, 09:00, -2h"
)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?", re.ASCII)
_DOTTED: Final = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})", re.ASCII)
_SLASHES: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AGO: Final = re.compile(r"(?:-(?P<before>(?:\d+[a-z]+)+)|(?P<ago>(?:\d+ ?[a-z]+ ?)+) ago)", re.ASCII)
_LENGTH: Final = re.compile(r"(\d+) ?([a-z]+)", re.ASCII)
_SECONDS: Final = {
    unit: seconds
    for units, seconds in (
        ("s sec second seconds", 1),
        ("m min minute minutes", 60),
        ("h hour hours", 3600),
        ("d day days", 86400),
        ("w week weeks", 604800),
    )
    for unit in units.split()
}
_DAY: Final = timedelta(days=1)
_LAST: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TypedTime:
    """A typed time, and how it was read."""

    text: UtcTime
    understood: str | None
    """The local time with its zone, when the zone was not typed; ``None`` when it was."""


@dataclass(frozen=True, slots=True)
class _Local:
    """A local time without its zone; ``whole_day`` if it stands for a day and not for a moment."""

    moment: datetime
    whole_day: bool = False


def parse_typed_time(text: str, *, now: UtcTime, end: bool = False, zone: tzinfo | None = None) -> TypedTime:
    """Reads a typed time. A day alone means its first moment; with ``end`` its last one.

    ``now`` is the moment that relative times start from; what names no zone is of ``zone``, by default the machine's.
    Raises ``InputError`` with what to write instead.
    """
    words = " ".join(text.split()).lower()
    try:
        return _read(words, text, end=end, now=datetime.fromisoformat(now), zone=zone)
    except InputError:
        raise
    except (OverflowError, ValueError, OSError):
        raise InputError(f"{text!r} is out of range", hint=TYPED) from None


def _read(words: str, text: str, *, end: bool, now: datetime, zone: tzinfo | None) -> TypedTime:
    ago = _AGO.fullmatch(words)
    if words == "now" or ago is not None:
        seconds = 0 if ago is None else _count_seconds(ago["before"] or ago["ago"], text)
        moment = now - timedelta(seconds=seconds)
        return TypedTime(convert_time(moment, text, TYPED), _show(moment.astimezone(zone)))
    local = _read_local(words, text, now.astimezone(zone).replace(tzinfo=None))
    if local is None:
        zoned = read_time(text, TYPED)
        if zoned.tzinfo is not None:
            return TypedTime(convert_time(zoned, text, TYPED), None)
        local = _Local(zoned, whole_day=_DATE.fullmatch(words) is not None)
    moment = local.moment
    if end and local.whole_day:
        moment = moment + _DAY - _LAST
    aware = moment.astimezone() if zone is None else moment.replace(tzinfo=zone)
    return TypedTime(convert_time(aware, text, TYPED), _show(aware))


def _read_local(words: str, text: str, now: datetime) -> _Local | None:
    """Reads a day in words, a dotted date, a time of day, or a day with one; ``None`` for anything else."""
    first, _, rest = words.partition(" ")
    if _SLASHES.fullmatch(first):
        raise _two_readings(first, text)
    clock = _read_clock(rest, text) if rest else None
    if rest and clock is None:
        return None
    today = datetime.combine(now.date(), time())
    day = _read_day(first, text, today)
    if day is not None:
        if clock is None:
            return _Local(day, whole_day=True)
        moment = datetime.combine(day.date(), clock)
        return _Local(moment - 7 * _DAY if _weekday(first) is not None and moment > now else moment)
    alone = None if rest else _read_clock(first, text)
    if alone is None:
        return None
    moment = datetime.combine(today.date(), alone)
    return _Local(moment - _DAY if moment > now else moment)


def _read_day(word: str, text: str, today: datetime) -> datetime | None:
    """Reads ``today``, ``yesterday``, a weekday (the latest, today included) or ``17.11.2026``: its first moment."""
    if word in ("today", "yesterday"):
        return today if word == "today" else today - _DAY
    weekday = _weekday(word)
    if weekday is not None:
        return today - (today.weekday() - weekday) % 7 * _DAY
    dotted = _DOTTED.fullmatch(word)
    if dotted is None:
        return None
    try:
        return datetime(int(dotted["year"]), int(dotted["month"]), int(dotted["day"]))
    except ValueError as error:
        raise InputError(f"{text!r} is not a time: {error}", hint=TYPED) from None


def _weekday(word: str) -> int | None:
    """The number of a weekday from its name or its first three letters; Monday is 0."""
    return next((n for n, name in enumerate(_WEEKDAYS) if word in (name, name[:3])), None)


def _read_clock(word: str, text: str) -> time | None:
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    try:
        return time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
    except ValueError as error:
        raise InputError(f"{text!r} is not a time: {error}", hint=TYPED) from None


def _count_seconds(lengths: str, text: str) -> int:
    parts = _LENGTH.findall(lengths)
    unknown = [unit for _, unit in parts if unit not in _SECONDS]
    if unknown:
        raise InputError(
            f"{text!r} is not a time: {unknown[0]!r} is not a unit", hint="write such as -90s, -30min, -2h, -1d12h"
        )
    return sum(int(count) * _SECONDS[unit] for count, unit in parts)


def _two_readings(word: str, text: str) -> InputError:
    first, second, year = word.split("/")
    readings = [
        f"{year}-{month:0>2}-{day:0>2}" for month, day in ((first, second), (second, first)) if int(month) <= 12
    ]
    return InputError(
        f"{text!r} has a date with slashes, which people read in two ways",
        hint=f"write {' or '.join(readings) or TYPED}",
    )


def _show(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
