"""Local times of a log, in order, as UTC. The order of the lines shows that a clock was set back an hour."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.hyperv.sources.windows_zones import ZONES, find_zone
from nilometer.times import to_utc_time

_OFFSET: Final = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>[0-5]\d)", re.ASCII)
_HOUR: Final = timedelta(hours=1)
_KNOWN: Final = (
    "write a name such as --zone Europe/Berlin, or Windows' own such as --zone 'W. Europe Standard Time', "
    "or --zone +01:00, or --zone UTC"
)
_SAY: Final = "give the time zone of the host's clock: --zone Europe/Berlin"


def parse_zone(text: str | None) -> tzinfo | None:
    """A zone by its name, Windows' name, or offset. Raises ``InputError`` saying what to write."""
    if text is None:
        return None
    if text.upper() in ("UTC", "Z"):
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is not None and int(match["hours"]) < 24:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        return timezone(-offset if match["sign"] == "-" else offset)
    try:
        return ZoneInfo(find_zone(text) or text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"there is no time zone {text[:60]!r}", hint=_KNOWN) from None


class ClockLost(InputError):
    """From here on the times of a log are ambiguous. Give the time zone of the host's clock."""


class LocalClock:
    """Reads the local times of one log in their order.

    With a zone, its rules decide, and the order decides between two times that read the same. With only the offset at
    the beginning, a time about an hour before the last one means that the clock was set back. A pause in which some
    zone of that offset changes its clock may be one in which it was set: then the zone is needed.
    """

    def __init__(self, zone: tzinfo | None, bias: int | None = None, named: str = "") -> None:
        """``bias`` is the minutes from local time to UTC, as Windows counts them; a ``zone`` takes precedence.

        ``named`` is Windows' name of the zone in the file: it counts if its offset at the first time is the bias.
        """
        known = find_zone(named) if zone is None and bias is not None else None
        self._named = None if known is None else ZoneInfo(known)
        self._zone = zone
        self._bias = None if bias is None else timedelta(minutes=bias)
        self._last: datetime | None = None
        self._step: timedelta | None = None

    def read(self, local: datetime, place: str) -> UtcTime:
        """A local time in UTC. Raises ``InputError``, or ``ClockLost``."""
        try:
            if self._last is None and self._named is not None and self._bias is not None:
                self._zone = self._named if -self._bias in _offsets(self._named, local) else None
            return to_utc_time(self._in_zone(local) if self._zone is not None else self._by_bias(local, place))
        except (OverflowError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{place}: the time {local} is out of range", hint=_SAY) from None

    def _in_zone(self, local: datetime) -> datetime:
        moment = local.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        if self._last is None and self._bias is not None and moment.replace(tzinfo=None) != local + self._bias:
            moment = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        if self._last is not None and moment <= self._last:
            later = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
            moment = later if later > self._last else moment
        self._last = moment
        return moment

    def _by_bias(self, local: datetime, place: str) -> datetime:
        if self._bias is None:
            raise ClockLost(f"{place}: the time is a local one, and the file does not say its zone", hint=_SAY)
        if self._last is not None:
            step = local - self._last
            # Less than half an hour is a corrected clock; if sampled each hour, the same time comes twice.
            if -_HOUR <= step <= timedelta(0) and step - (self._step or timedelta(0)) <= -_HOUR / 2:
                self._bias += _HOUR
                step += _HOUR
            elif step >= (self._step or _HOUR / 2) + _HOUR / 2 and _may_be_set(local - step, local, -self._bias):
                raise ClockLost(
                    f"{place}: the clock went from {local - step:%H:%M} to {local:%H:%M}: "
                    "is that a pause, or was the clock set?",
                    hint=_SAY,
                )
            self._step = step if step > timedelta(0) else self._step
        self._last = local
        return (local + self._bias).replace(tzinfo=UTC)


def _may_be_set(last: datetime, local: datetime, offset: timedelta) -> bool:
    """Whether a clock of this offset is set between two local times, in any of Windows' zones."""
    return any(
        offset in _offsets(zone, last) and offset not in _offsets(zone, local)
        for zone in map(ZoneInfo, set(ZONES.values()))
    )


def _offsets(zone: tzinfo, local: datetime) -> tuple[timedelta | None, timedelta | None]:
    """The offsets of a local time: two where the clock is set."""
    return local.replace(tzinfo=zone, fold=0).utcoffset(), local.replace(tzinfo=zone, fold=1).utcoffset()
