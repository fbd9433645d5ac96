"""Times as a report shows them: all in one named zone, with the date where they are of several days."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.times import system_clock, to_utc_time

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOCALTIME: Final = Path("/etc/localtime")


@dataclass(frozen=True, slots=True)
class Clock24:
    """Shows times in one zone. Of the day that it is of, without the date."""

    zone: tzinfo
    name: str
    """What the zone is called: ``UTC``, ``Europe/Berlin``."""
    day: str | None = None
    """The day of which the date is left out, as ``2026-11-23``."""

    def local(self, time: UtcTime) -> datetime:
        """The time in the zone."""
        return datetime.fromisoformat(time).astimezone(self.zone)

    def clock(self, time: UtcTime, *, exact: bool = True) -> str:
        """``14:53:31.251``; on another day ``23 Nov 14:53:31.251``, in another year with the year."""
        local = self.local(time)
        thousandths = f".{local.microsecond // 1000:03d}" if exact and local.microsecond else ""
        clock = f"{local:%H:%M:%S}{thousandths}"
        date = f"{local:%Y-%m-%d}"
        if date == self.day:
            return clock
        if self.day is None or date[:4] != self.day[:4]:
            return f"{date} {clock}"
        return f"{local.day} {_MONTHS[local.month - 1]} {clock}"

    def date(self, time: UtcTime) -> str:
        """``2026-11-23``."""
        return f"{self.local(time):%Y-%m-%d}"

    def full(self, time: UtcTime) -> str:
        """``2026-11-23 14:53:31``."""
        return f"{self.local(time):%Y-%m-%d %H:%M:%S}"

    def span(self, first: UtcTime, last: UtcTime) -> str:
        """``2026-11-23 08:00:00 to 18:10:00 UTC``."""
        begin, end = self.full(first), self.full(last)
        if begin == end:
            return f"{begin} {self.name}"
        return f"{begin} to {end[11:] if end[:10] == begin[:10] else end} {self.name}"

    def begin_of_day(self, time: UtcTime) -> UtcTime:
        """When the day of a time begins in the zone."""
        return to_utc_time(self.local(time).replace(hour=0, minute=0, second=0, microsecond=0))


def hours_before(time: UtcTime, hours: int) -> UtcTime:
    """A time so many hours earlier."""
    return to_utc_time(datetime.fromisoformat(time) - timedelta(hours=hours))


def read_zone(name: str | None) -> tuple[tzinfo, str]:
    """A time zone and its name: the one that is named, or that of this machine. Raises ``InputError``."""
    if name is not None:
        try:
            return (UTC, "UTC") if name.upper() in ("UTC", "Z") else (ZoneInfo(name), name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            hint = "as in --zone Europe/Berlin or --zone UTC"
            raise InputError(f"there is no time zone {name!r}", hint=hint) from None
    known = os.environ.get("TZ", "").lstrip(":") or _zone_of_machine()
    if known in ("UTC", "Etc/UTC", "UCT", "Z", "UTC0"):
        return UTC, "UTC"
    try:
        return (ZoneInfo(known), known) if known else _offset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _offset()


def _zone_of_machine() -> str:
    """The name under which the machine's zone lies; empty if it has none."""
    try:
        return str(_LOCALTIME.readlink()).partition("zoneinfo/")[2]
    except OSError:
        return ""


def _offset() -> tuple[tzinfo, str]:
    now = system_clock().astimezone()
    zone = now.tzinfo or UTC
    return (UTC, "UTC") if now.utcoffset() == timedelta(0) else (zone, now.tzname() or "UTC")
