"""Where times and sizes stand in a chart: times in percent of the width of the plot, sizes in pixels from its top."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final, Literal

from domain.identifiers import UtcTime
from nilometer.report.series import Chart

ScaleKind = Literal["time", "event"]

FIRST: Final = 7.0
"""The place of the first moment: left of it stand the labels of sizes."""
LAST: Final = 98.0
TAIL: Final = 1.0
"""So far a line goes on after the last moment: a step that came with it is seen."""
NARROWED: Final = 7.0
MOST_NARROWED: Final = 42.0
"""What a narrowed stretch takes of the width, and all of them together at most."""

_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY: Final = 86_400
_DAY_STEPS: Final = (1, 2, 7, 14, 30, 61, 91, 182, 365, 730, 1826, 3652)
_TICKS: Final = 8
TICK_DISTANCE: Final = 10.0
NARROW_DISTANCE: Final = 25.0
"""How far labels stand apart at least, in percent: always, and on a narrow page, where the others are hidden."""
AT_START: Final = 9.0
AT_END: Final = 97.0
"""Labels before and behind these places begin and end at theirs."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label below the axis."""

    place: float
    words: str
    date: str | None
    """The date, below the label, where another one begins; ``None`` elsewhere."""
    is_minor: bool
    """Hidden on a narrow page."""


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Where times stand. Between two knots time goes evenly; in a narrowed stretch it goes faster."""

    kind: ScaleKind
    knots: tuple[float, ...]
    """Times in seconds, rising."""
    places: tuple[float, ...]
    """Where the knots stand, in percent."""
    narrowed: tuple[tuple[float, float], ...] = ()
    """The stretches that are narrowed, in seconds."""

    def place(self, time: UtcTime) -> float:
        """Where a time stands; one outside of the scale stands at its edge."""
        return self.place_of(seconds(time))

    def place_of(self, moment: float) -> float:
        """Where a time in seconds stands."""
        index = bisect_right(self.knots, moment)
        if index == 0:
            return self.places[0]
        if index == len(self.knots):
            return self.places[-1]
        before, after = self.knots[index - 1], self.knots[index]
        share = (moment - before) / (after - before)
        return self.places[index - 1] + share * (self.places[index] - self.places[index - 1])

    @property
    def end(self) -> float:
        """The place of the last moment."""
        return self.places[-1]


def seconds(time: UtcTime) -> float:
    """A time in seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()


def time_scale(chart: Chart, kind: ScaleKind) -> TimeScale:
    """The scale of a chart: by time, with idle stretches narrowed, or with one column for each of its instants."""
    return _by_event(chart) if kind == "event" else _by_time(chart)


def _by_event(chart: Chart) -> TimeScale:
    knots = sorted({seconds(time) for time in (chart.since, *chart.times, chart.until)})
    step = (LAST - FIRST) / max(1, len(knots) - 1)
    return TimeScale(kind="event", knots=tuple(knots), places=tuple(FIRST + step * n for n in range(len(knots))))


def _by_time(chart: Chart) -> TimeScale:
    since, until = seconds(chart.since), seconds(chart.until)
    narrowed = sorted(
        (begin, end)
        for span in chart.idle
        for begin, end in [(max(since, seconds(span.since)), min(until, seconds(span.until)))]
        if begin < end
    )
    narrowed = [later for earlier, later in pairwise([(since, since), *narrowed]) if later[0] >= earlier[1]]
    share = min(NARROWED, MOST_NARROWED / max(1, len(narrowed)))
    idle = sum(end - begin for begin, end in narrowed)
    rest = until - since - idle
    room = (LAST - FIRST) - share * len(narrowed)
    knots, places = [since], [FIRST]
    for begin, end in [*narrowed, (until, until)]:
        if begin > knots[-1]:
            places.append(places[-1] + room * (begin - knots[-1]) / rest)
            knots.append(begin)
        if end > begin:
            places.append(places[-1] + share)
            knots.append(end)
    return TimeScale(kind="time", knots=tuple(knots), places=tuple(places), narrowed=tuple(narrowed))


# Ticks


def ticks(scale: TimeScale, zone: tzinfo = UTC) -> list[Tick]:
    """The labels below the axis, none of them in a narrowed stretch, none over another."""
    moments = _columns(scale) if scale.kind == "event" else _even(scale, zone)
    return list(_labelled([datetime.fromtimestamp(moment, zone) for moment in moments], scale))


def _columns(scale: TimeScale) -> list[float]:
    return _apart(scale.knots, scale)


def _even(scale: TimeScale, zone: tzinfo) -> list[float]:
    """The time at which the scale begins, round times, then those at which it goes on after a narrowed stretch."""
    live = list(_live(scale))
    total = sum(end - begin for begin, end in live)
    round_times = [time for begin, end in live for time in _round_times(begin, end, total, zone)]
    edges = (edge for stretch in scale.narrowed for edge in stretch)
    return sorted(_apart([scale.knots[0], *round_times, *edges], scale))


def _live(scale: TimeScale) -> Iterator[tuple[float, float]]:
    """The stretches that are not narrowed."""
    begin = scale.knots[0]
    for idle_since, idle_until in scale.narrowed:
        yield begin, idle_since
        begin = idle_until
    yield begin, scale.knots[-1]


def _round_times(begin: float, end: float, total: float, zone: tzinfo) -> Iterator[float]:
    step = next((step for step in _STEPS if total / step <= _TICKS), 0)
    if step:
        offset = (datetime.fromtimestamp(begin, zone).utcoffset() or timedelta()).total_seconds()
        count = int(-((begin + offset) // -step))
        while (moment := count * step - offset) <= end:
            yield moment
            count += 1
        return
    days = next((days for days in _DAY_STEPS if total / (days * _DAY) <= _TICKS), _DAY_STEPS[-1])
    day = datetime.fromtimestamp(begin, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while day.timestamp() <= end:
        if day.timestamp() >= begin:
            yield day.timestamp()
        day += timedelta(days=days)


def _apart(moments: Iterable[float], scale: TimeScale, distance: float = TICK_DISTANCE) -> list[float]:
    """Those of the times, the first ones first, that stand far enough from those already taken."""
    taken: list[float] = []
    places: list[float] = []
    for moment in moments:
        middle = _middle(scale.place_of(moment), distance)
        if all(abs(middle - other) >= distance for other in places):
            taken.append(moment)
            places.append(middle)
    return taken


def _middle(place: float, distance: float) -> float:
    """The middle of a label: at the edges of the plot it does not stand below its time, but beside it."""
    return place + distance * (0.4 if place < AT_START else -0.4 if place > AT_END else 0)


def _labelled(moments: Sequence[datetime], scale: TimeScale) -> Iterator[Tick]:
    has_seconds = any(moment.second for moment in moments)
    dates = {moment.date() for moment in moments}
    date = None
    last_major = -NARROW_DISTANCE
    for moment in moments:
        place = scale.place_of(moment.timestamp())
        middle = _middle(place, NARROW_DISTANCE)
        is_minor = middle - last_major < NARROW_DISTANCE
        if not is_minor:
            last_major = middle
        is_new = len(dates) > 1 and moment.date() != date
        date = moment.date()
        yield Tick(
            place=place,
            words=moment.strftime("%H:%M:%S" if has_seconds else "%H:%M"),
            date=date.isoformat() if is_new else None,
            is_minor=is_minor,
        )


# Sizes


@dataclass(frozen=True, slots=True)
class SizeScale:
    """Where sizes stand: from ``height``, where 0 is, up to ``head``."""

    most: float
    height: int
    head: int = 18

    def place(self, size: float) -> float:
        """Where a size stands, in pixels from the top. However small, it does not stand on the axis unless it is 0."""
        place = self.head + (self.height - self.head) * (1 - size / self.most)
        return min(place, self.height - 3) if size > 0 else float(self.height)

    def grid(self) -> list[int]:
        """Round sizes, three to five of them."""
        power = max(0, int(self.most).bit_length() - 4)
        step = next(
            (
                int(factor * 2**exponent)
                for exponent in range(power, power + 4)
                for factor in (1, 1.25)
                if 3 <= self.most / (factor * 2**exponent) < 5.01
            ),
            0,
        )
        return [step * count for count in range(1, 6) if step and step * count < self.most]
