"""Times as people type them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.times import to_utc_time
from nilometer.typed_times import parse_typed_time

NOW = UtcTime("2026-11-25T13:30:00.000000Z")
"""A Wednesday, half past two in Berlin."""


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time of the tests."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("2026-11-17 09:00", "2026-11-17 09:00:00+01:00"),
        ("2026-07-17", "2026-07-17 00:00:00+02:00"),
        ("17.11.2026", "2026-11-17 00:00:00+01:00"),
        ("17.11.2026 9:05", "2026-11-17 09:05:00+01:00"),
        ("now", "2026-11-25 14:30:00+01:00"),
        ("today", "2026-11-25 00:00:00+01:00"),
        ("yesterday", "2026-11-24 00:00:00+01:00"),
        ("Yesterday  14:00", "2026-11-24 14:00:00+01:00"),
        ("friday 14:00", "2026-11-20 14:00:00+01:00"),
        ("Fri", "2026-11-20 00:00:00+01:00"),
        ("wednesday", "2026-11-25 00:00:00+01:00"),
        ("wednesday 14:00", "2026-11-25 14:00:00+01:00"),
        ("wednesday 15:00", "2026-11-18 15:00:00+01:00"),
        ("09:00", "2026-11-25 09:00:00+01:00"),
        ("9:00", "2026-11-25 09:00:00+01:00"),
        ("14:31", "2026-11-24 14:31:00+01:00"),
        ("-2h", "2026-11-25 12:30:00+01:00"),
        ("-90s", "2026-11-25 14:28:30+01:00"),
        ("-1d12h", "2026-11-24 02:30:00+01:00"),
        ("2 hours ago", "2026-11-25 12:30:00+01:00"),
        ("1 day 12 h ago", "2026-11-24 02:30:00+01:00"),
        ("-32d", "2026-10-24 15:30:00+02:00"),
    ],
)
def test_what_names_no_zone_is_local_and_says_how_it_was_read(text: str, understood: str) -> None:
    typed = parse_typed_time(text, now=NOW)
    assert typed.understood == understood
    assert typed.text == to_utc_time(datetime.fromisoformat(understood))


def test_what_names_its_zone_needs_no_explanation() -> None:
    assert parse_typed_time("2026-11-17T09:00Z", now=NOW).understood is None


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("yesterday", "2026-11-24T22:59:59.999999Z"),
        ("2026-11-17", "2026-11-17T22:59:59.999999Z"),
        ("17.11.2026", "2026-11-17T22:59:59.999999Z"),
        ("friday", "2026-11-20T22:59:59.999999Z"),
        ("2026-10-25", "2026-10-25T22:59:59.999999Z"),  # it had 25 hours
        ("friday 14:00", "2026-11-20T13:00:00.000000Z"),
        ("-2h", "2026-11-25T11:30:00.000000Z"),
        ("2026-11-17 00:00", "2026-11-16T23:00:00.000000Z"),
    ],
)
def test_as_an_end_a_day_means_its_last_moment(text: str, end: str) -> None:
    assert parse_typed_time(text, end=True, now=NOW).text == end


@pytest.mark.parametrize(
    "text",
    ["", "noon", "25:00", "friday 25:00", "31.2.2026", "-2y", "-h", "ago", "yesterday noon", "fr", "9", "0",
     "-99999999d",
     "9999-12-31", "1.1.0000", "١٢:٠٠", "-" + "9" * 5000 + "s", "2026-11-17 1400", "tomorrow"],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(InputError) as raised:
        print(parse_typed_time(text, end=True, now=NOW))
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("11/12/2026", "write 2026-11-12 or 2026-12-11"),
        ("25/12/2026 09:00", "write 2026-12-25"),
    ],
)
def test_a_date_with_slashes_is_refused_with_its_readings(text: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_typed_time(text, now=NOW)
    assert raised.value.hint == hint


@given(
    day=st.sampled_from(["monday", "tue", "wed", "thursday", "fri", "saturday", "sunday", ""]),
    minute=st.integers(0, 1439),
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
)
def test_of_the_moments_that_it_could_be_it_is_the_latest_that_has_begun(day: str, minute: int, now: datetime) -> None:
    at = now.replace(tzinfo=UTC)
    text = f"{day} {minute // 60}:{minute % 60:02}".strip()
    found = datetime.fromisoformat(parse_typed_time(text, now=to_utc_time(at)).text)
    slack = timedelta(hours=1)  # clocks are put forward and back
    assert at - timedelta(days=7 if day else 1) - slack <= found <= at + slack
