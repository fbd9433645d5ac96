"""When a policy applies: times of the week by the wall clock of a zone, on the days on which clocks are set too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identifiers import UtcTime
from rules.policies.compiling import compile_condition
from rules.policies.window import DAY, DAYS, WEEK, PolicyWindow, any_minute, read_window, show_minute
from rules.solving.solver import Solver
from rules.symbolic import terms

BERLIN = "Europe/Berlin"


def utc(text: str) -> UtcTime:
    """A time of Berlin's or another clock, written with its offset."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return UtcTime(f"{moment.isoformat(timespec='microseconds')[:-6]}Z")


SATURDAY = read_window(["Sat 22:00-04:00"], BERLIN, outside=False)


@pytest.mark.parametrize(
    ("time", "inside"),
    [
        ("2026-11-28T21:59:59.999999+01:00", False),
        ("2026-11-28T22:00:00+01:00", True),
        ("2026-11-29T03:59:59+01:00", True),
        ("2026-11-29T04:00:00+01:00", False),
        ("2026-11-27T23:00:00+01:00", False),
        ("2026-11-29T23:00:00+01:00", False),
        # Clocks are set forward on Sunday, March 29, at 02:00: the window has five hours.
        ("2026-03-28T22:00:00+01:00", True),
        ("2026-03-29T01:59:59+01:00", True),
        ("2026-03-29T03:00:00+02:00", True),
        ("2026-03-29T03:59:59+02:00", True),
        ("2026-03-29T04:00:00+02:00", False),
        # Clocks are set back on Sunday, October 25, at 03:00: the window has seven hours.
        ("2026-10-24T22:00:00+02:00", True),
        ("2026-10-25T02:30:00+02:00", True),
        ("2026-10-25T02:30:00+01:00", True),
        ("2026-10-25T03:59:59+01:00", True),
        ("2026-10-25T04:00:00+01:00", False),
    ],
)
def test_the_wall_clock_decides(time: str, inside: bool) -> None:
    assert SATURDAY.applies_at(utc(time)) is inside
    assert read_window(["Sat 22:00-04:00"], BERLIN, outside=True).applies_at(utc(time)) is not inside


@pytest.mark.parametrize(("day", "hours"), [("2026-11-28", 6), ("2026-03-28", 5), ("2026-10-24", 7)])
def test_a_window_is_as_long_as_the_night(day: str, hours: int) -> None:
    begin = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    minutes = [utc((begin + timedelta(minutes=minute)).isoformat()) for minute in range(DAY)]
    assert sum(map(SATURDAY.applies_at, minutes)) == hours * 60


@pytest.mark.parametrize(
    ("texts", "spans"),
    [
        (["Mon 08:00-18:00"], ((480, 1080),)),
        (["Sun 22:00-04:00"], ((0, 240), (6 * DAY + 1320, WEEK))),
        (["Sat-Mon 00:00-24:00"], ((0, DAY), (5 * DAY, WEEK))),
        (["00:00-24:00"], ((0, WEEK),)),
        (["Mon 00:00-00:00"], ((0, DAY),)),
        (["Mon 08:00-10:00", "Mon 09:00-12:00", "Mon 12:00-13:00"], ((480, 780),)),
    ],
)
def test_what_is_said_comes_to_minutes_of_the_week(texts: list[str], spans: tuple[tuple[int, int], ...]) -> None:
    assert read_window(texts, "UTC", outside=False).spans == spans


CLOCKS = st.integers(0, DAY - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
TIMES = st.lists(
    st.tuples(st.sampled_from(("", *[f"{day} " for day in DAYS], "Mon-Fri ", "Sat-Mon ")), CLOCKS, CLOCKS).map(
        lambda parts: f"{parts[0]}{parts[1]}-{parts[2]}"
    ),
    min_size=1,
    max_size=3,
)


def is_inside(texts: list[str], local: datetime) -> bool:
    """The independent reading: the days of a text, one after the other, with dates."""
    for text in texts:
        days, _, clocks = text.rpartition(" ")
        first, _, last = days.partition("-")
        at = DAYS.index(first) if first else 0
        count = 7 if not first else (DAYS.index(last or first) - at) % 7 + 1
        begin, _, end = clocks.partition("-")
        for back in (0, 1):  # the window of this day, and that of the day before
            day = (local - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
            if (day.weekday() - at) % 7 >= count:
                continue
            opened = day + timedelta(hours=int(begin[:2]), minutes=int(begin[3:]))
            closed = day + timedelta(hours=int(end[:2]), minutes=int(end[3:]))
            if opened <= local < (closed if closed > opened else closed + timedelta(days=1)):
                return True
    return False


@settings(max_examples=150, deadline=None)
@given(TIMES, st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.booleans())
def test_what_is_read_the_term_and_the_solver_agree_with_an_independent_reading(
    texts: list[str], moment: datetime, outside: bool
) -> None:
    try:
        window = read_window(texts, BERLIN, outside=outside)
    except ValueError:
        assert outside  # nothing is left of the week
        return
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(BERLIN)).replace(tzinfo=None)
    expected = is_inside(texts, local) is not outside
    time = utc(moment.replace(tzinfo=UTC).isoformat())
    minute = window.minute_at(time)
    assert window.applies_at(time) is expected
    assert window.applies_between(time, time) is expected
    assert compile_condition(window.term)(None, None, minute=minute) is expected
    assert terms.evaluate(window.term, {"site.minute": minute}) is expected
    here = terms.equal(terms.variable("site.minute", int), terms.constant(minute))
    assert Solver(20_000_000).ask(*any_minute(), here, window.term).holds is expected
    assert show_minute(minute) == f"{DAYS[local.weekday()]} {local:%H:%M}"


def test_of_an_interval_it_is_known_only_if_all_of_it_is_alike() -> None:
    at = [utc(f"2026-11-28T{clock}+01:00") for clock in ("21:00:00", "21:59:00", "22:00:00", "23:00:00")]
    assert SATURDAY.applies_between(at[0], at[1]) is False
    assert SATURDAY.applies_between(at[1], at[2]) is None
    assert SATURDAY.applies_between(at[2], at[3]) is True
    assert SATURDAY.applies_between(at[0], utc("2026-12-01T00:00:00+01:00")) is None
    assert SATURDAY.applies_between(at[0], utc("2027-12-01T00:00:00+01:00")) is None
    assert SATURDAY.applies_between(None, at[2]) is True


def test_windows_meet_and_cover_by_their_minutes_in_one_zone() -> None:
    def window(*texts: str, zone: str = BERLIN) -> PolicyWindow:
        return read_window(texts, zone, outside=False)

    assert window("Mon-Fri 08:00-18:00").covers(window("Tue 09:00-10:00", "Fri 17:00-18:00"))
    assert not window("Mon-Fri 08:00-18:00").covers(window("Fri 17:00-18:01"))
    assert not window("Mon-Fri 08:00-18:00").covers(window("Tue 09:00-10:00", zone="UTC"))
    assert not window("Mon-Fri 08:00-18:00").covers(None)
    assert not window("Mon 08:00-18:00").meets(window("Mon 18:00-19:00"))
    assert window("Mon 08:00-18:00").meets(window("Mon 17:59-19:00"))
    assert window("Mon 08:00-18:00").meets(window("Mon 18:00-19:00", zone="UTC"))
