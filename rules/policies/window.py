"""When a policy applies: times of the week on the clocks of a zone, which is named.

A time of the week is a minute from Monday 00:00 by the wall clock. On the day on which clocks are set forward some
minutes never come, and on the day on which they are set back some come twice: the wall clock decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.identifiers import UtcTime
from rules.symbolic import terms
from rules.symbolic.terms import Term

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
MINUTE: Final = terms.variable("site.minute", int)
"""The minute of the week, in the zone of the policy."""
_MINUTE: Final = timedelta(minutes=1)
_TEXT: Final = re.compile(
    r"(?:(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? )?"
    r"(?P<begin>(?:[01]\d|2[0-3]):[0-5]\d)-(?P<end>(?:[01]\d|2[0-3]):[0-5]\d|24:00)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PolicyWindow:
    """The times of the week at which a policy applies."""

    text: str
    """As it is said: ``outside Sat 22:00-04:00 Europe/Berlin``."""
    zone: str
    spans: tuple[tuple[int, int], ...]
    """From minute to minute of the week, without the last; in order, and apart."""

    @property
    def term(self) -> Term:
        """Whether it applies, over ``MINUTE``."""
        return terms.either(*[terms.both(*_inside(begin, end)) for begin, end in self.spans])

    def applies_at(self, time: UtcTime) -> bool:
        """Whether it applies at a time."""
        return self._has(self.minute_at(time))

    def minute_at(self, time: UtcTime) -> int:
        """The minute of the week on the clocks of the zone."""
        return _minute_of(datetime.fromisoformat(time), self.zone)

    def applies_between(self, earliest: UtcTime | None, latest: UtcTime) -> bool | None:
        """Whether it applies at a time of which only an interval is known; ``None``: at some of it and not at all."""
        last = datetime.fromisoformat(latest)
        moment = last if earliest is None else datetime.fromisoformat(earliest)
        if last - moment >= timedelta(days=8):  # a whole week, on whatever day clocks were set
            return None
        found = {self._has(_minute_of(last, self.zone))}
        while moment < last and len(found) == 1:
            found.add(self._has(_minute_of(moment, self.zone)))
            moment += _MINUTE
        return found.pop() if len(found) == 1 else None

    def _has(self, minute: int) -> bool:
        return any(begin <= minute < end for begin, end in self.spans)

    def covers(self, other: PolicyWindow | None) -> bool:
        """Whether it applies whenever the other one does, as far as their times show."""
        if other is None or self.zone != other.zone:
            return False
        return all(any(begin <= low and high <= end for begin, end in self.spans) for low, high in other.spans)

    def meets(self, other: PolicyWindow) -> bool:
        """Whether both may apply at one time: in zones that differ, always."""
        return self.zone != other.zone or any(
            low < end and begin < high for begin, end in self.spans for low, high in other.spans
        )


def show_minute(minute: int) -> str:
    """A minute of the week as people say it: ``Sat 22:00``."""
    day, rest = divmod(minute, DAY)
    return f"{DAYS[day]} {rest // 60:02}:{rest % 60:02}"


def _inside(begin: int, end: int) -> Iterator[Term]:
    yield terms.at_most(terms.constant(begin), MINUTE)
    yield terms.less(MINUTE, terms.constant(end))


def any_minute() -> list[Term]:
    """What every minute of the week is."""
    return list(_inside(0, WEEK))


def _minute_of(moment: datetime, zone: str) -> int:
    there = moment.astimezone(find_zone(zone))
    return there.weekday() * DAY + there.hour * 60 + there.minute


@cache
def find_zone(name: str) -> ZoneInfo:
    """A zone by its name. Raises ``ValueError`` if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"there is no time zone {name[:60]!r}") from None


def read_window(texts: Iterable[str], zone: str, *, outside: bool) -> PolicyWindow:
    """The window that texts as ``Sat 22:00-04:00`` say. Raises ``ValueError`` with the reason."""
    find_zone(zone)
    texts = tuple(texts)
    spans = _join([span for text in texts for span in _read(text)])
    if outside:
        spans = _rest(spans)
    if not spans:
        raise ValueError("a window that leaves no time at which the policy applies")
    return PolicyWindow(f"{'outside' if outside else 'inside'} {', '.join(texts)} {zone}", zone, spans)


def _read(text: str) -> Iterator[tuple[int, int]]:
    match = _TEXT.fullmatch(text)
    if match is None or any(day not in (*DAYS, None) for day in (match["first"], match["last"])):
        raise ValueError(f"{text!r} is not a time of the week")
    first = 0 if match["first"] is None else DAYS.index(match["first"])
    last = 6 if match["first"] is None else first if match["last"] is None else DAYS.index(match["last"])
    begin, end = _minutes(match["begin"]), _minutes(match["end"])
    length = (end - begin) % DAY or DAY
    for day in range(first, last + 1 if first <= last else last + 8):
        start = day % 7 * DAY + begin
        yield start, min(start + length, WEEK)
        if start + length > WEEK:
            yield 0, start + length - WEEK


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _join(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return tuple(joined)


def _rest(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    edges = [0, *[edge for span in spans for edge in span], WEEK]
    return tuple((begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True) if begin < end)
