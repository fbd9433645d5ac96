"""Times as people read them: local, with the zone that held then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer.times import format_time, to_utc_time

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Monrovia")
"""The last was behind by 44 minutes and 30 seconds, until 1972."""


@pytest.fixture(params=ZONES, scope="module")
def zone(request: pytest.FixtureRequest) -> Iterator[ZoneInfo]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield ZoneInfo(request.param)
    time.tzset()


moments = st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 31), timezones=st.just(UTC))


@given(moments, moments)
def test_a_time_is_shown_as_it_was_called_there(zone: ZoneInfo, moment: datetime, other: datetime) -> None:
    for shown in (moment, moment.replace(second=59), other, moment):  # what was shown before changes nothing
        local = shown.astimezone(zone).replace(microsecond=0)
        assert format_time(to_utc_time(shown)) == local.isoformat(sep=" ").replace("+00:00", "Z")
