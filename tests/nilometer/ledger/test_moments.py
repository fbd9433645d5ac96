"""When things happen: by the ledger's clock, and far ahead of it only if somebody says that this is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.identifiers import import_stream, vm_stream
from domain.observed.events import VmLost
from nilometer.importers.importing import ImportStopped, import_hyperv, import_qemu
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation, Request
from nilometer.times import FAR_AHEAD, is_far_ahead, to_utc_time
from tests.nilometer.ledger.asking import a_host, request, stored
from tests.paths import EXAMPLES, RECORDINGS, ROOT

NINE = datetime(2030, 1, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
SPOOL = EXAMPLES / "HV01-20261123.jsonl"


class WallClock:
    """A clock on the wall of a test."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> WallClock:
    """It is nine o'clock."""
    return WallClock(NINE)


@pytest.fixture
def ledger(tmp_path: Path, clock: WallClock) -> Iterator[Ledger]:
    """An empty ledger, by that clock."""
    with Ledger.open(f"sqlite:///{tmp_path}/l.db", create=True, durable=False, clock=clock) as opened:
        yield opened


def host(at: datetime | None = None, **changed: Any) -> Request:
    """A host is registered at some time."""
    asked = request("register-host", **a_host(**changed))
    return asked if at is None else replace(asked, at=to_utc_time(at))


def resize(total: str) -> Request:
    """The host gets another size, now."""
    return request("resize-host", host="hv01", total=total)


def lost(at: datetime) -> Observation:
    """A VM was lost at some time."""
    return Observation("k", (Fact(vm_stream("lab.vm0"), VmLost(record="s7#12"), to_utc_time(at)),))


def test_whatever_is_recorded_has_the_time_of_the_ledgers_clock(url: str, clock: WallClock) -> None:
    with Ledger.open(url, create=True, clock=clock) as ledger:
        ledger.execute(host())
        clock.now += timedelta(hours=1)
        ledger.record([lost(NINE)], actor="ann", via="test")
        import_hyperv(ledger, SPOOL, actor="ann", prefix="a")
        import_qemu(ledger, RECORDINGS / "s4_beyond_limits.jsonl", actor="ann", prefix="b")
        events = list(ledger.events())
        assert ledger.created == to_utc_time(NINE)
    assert [event.metadata.recorded for event in events] == [
        to_utc_time(NINE),
        *[to_utc_time(NINE + timedelta(hours=1))] * (len(events) - 1),
    ]
    assert events[0].metadata.happened == to_utc_time(NINE)
    imports = [event for event in events if event.stream.startswith(import_stream(""))]
    assert [event.metadata.happened for event in imports] == [to_utc_time(clock.now)] * len(imports) != []


@pytest.mark.parametrize("dry", [False, True])
def test_a_command_over_a_day_ahead_of_the_clock_is_refused_unless_that_is_meant(ledger: Ledger, dry: bool) -> None:
    decider = DryRun(ledger) if dry else ledger
    [refused] = decider.execute_all([host(NINE + DAY + SECOND)])
    assert isinstance(refused, InputError)
    assert refused.message.startswith("'at' 2030-01-02 09:00:01Z is more than a day ahead of the clock (2030-01-01 09")
    assert "--at-ahead" in refused.hint
    assert "at_ahead=True" in refused.hint
    assert stored(ledger) == []
    [meant] = decider.execute_all([replace(host(NINE + DAY + SECOND), at_ahead=True)])
    assert not isinstance(meant, InputError)
    assert meant.happened == to_utc_time(NINE + DAY + SECOND)
    [a_day] = decider.execute_all([host(NINE + DAY, host="hv02")])
    assert not isinstance(a_day, InputError)


@pytest.mark.parametrize("dry", [False, True])
def test_what_a_clock_ahead_recorded_carries_nobody_else_along_unasked(
    ledger: Ledger, clock: WallClock, dry: bool
) -> None:
    clock.now += timedelta(days=365)
    ledger.execute(host())
    clock.now = NINE  # it was set right
    decider = DryRun(ledger) if dry else ledger
    [refused] = decider.execute_all([resize("32GiB")])
    assert isinstance(refused, InputError)
    assert "the last event of host/hv01 happened 2031-01-01 09:00:00Z, more than a day ahead" in refused.message
    [meant] = decider.execute_all([replace(resize("32GiB"), at_ahead=True)])
    assert not isinstance(meant, InputError)
    assert meant.happened == to_utc_time(NINE + timedelta(days=365))
    [other] = decider.execute_all([host(host="hv02")])  # nothing ties it to that time
    assert not isinstance(other, InputError)
    assert other.happened == to_utc_time(NINE)


def test_an_answer_of_before_is_given_again_whatever_its_time(ledger: Ledger) -> None:
    ahead = replace(host(NINE + timedelta(days=9)), key="k")
    first = ledger.execute(replace(ahead, at_ahead=True))
    again = ledger.execute(ahead)
    assert (again.repeated, again.positions) == (True, first.positions)


def test_an_observation_over_a_day_ahead_is_refused_unless_that_is_meant(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="s7#12: the time 2030-01-02 09:00:01Z is more than a day ahead of the clock"):
        ledger.record([lost(NINE + DAY + SECOND)], actor="ann", via="test")
    assert stored(ledger) == []
    assert ledger.record([lost(NINE + DAY + SECOND)], actor="ann", via="test", at_ahead=True) == [(1,)]
    assert ledger.record([lost(NINE + DAY + SECOND)], actor="ann", via="test") == [()]  # it is there


@pytest.mark.parametrize("run", [import_hyperv, import_qemu])
def test_an_import_by_a_clock_that_is_ahead_is_refused_unless_that_is_meant(
    ledger: Ledger, clock: WallClock, run: Any
) -> None:
    clock.now = datetime(2026, 1, 1, tzinfo=UTC)
    file = SPOOL if run is import_hyperv else RECORDINGS / "s4_beyond_limits.jsonl"
    with pytest.raises(
        ImportStopped, match=r"(jsonl:\d+|s4_beyond_limits#\d+): the time .* more than a day ahead"
    ) as e:
        run(ledger, file, actor="ann")
    assert "--at-ahead" in e.value.hint
    assert stored(ledger) == []
    [result] = run(ledger, file, actor="ann", at_ahead=True)
    assert result.recorded > 0


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_at_ahead_is_true_or_false(ledger: Ledger, value: Any) -> None:
    with pytest.raises(InputError, match="at_ahead: "):
        ledger.execute(replace(host(), at_ahead=value))


@pytest.mark.parametrize("moment", [datetime(2030, 1, 1, 9), "2030-01-01T09:00:00Z", None, 5])
def test_a_clock_gives_a_time_with_its_zone(ledger: Ledger, clock: WallClock, moment: Any) -> None:
    clock.now = moment
    with pytest.raises(InputError, match=r"the clock gives .*, not a time with its zone"):
        ledger.execute(host())
    assert stored(ledger) == []


def test_a_clock_may_be_of_any_zone(ledger: Ledger, clock: WallClock) -> None:
    clock.now = NINE.astimezone(timezone(timedelta(hours=-9)))
    assert ledger.execute(host()).happened == to_utc_time(NINE)


@given(st.timedeltas(-3 * DAY, 3 * DAY))
def test_far_ahead_is_more_than_a_day(ahead: timedelta) -> None:
    assert is_far_ahead(to_utc_time(NINE + ahead), to_utc_time(NINE)) == (ahead > FAR_AHEAD)


def test_time_now_is_asked_for_in_one_place() -> None:
    asking = ("datetime.now(", "utcnow(", "time.time(", "date.today(", "time_ns(")
    found = {
        file.relative_to(ROOT).as_posix()
        for package in ("domain", "rules", "projections", "nilometer")
        for file in (ROOT / package).rglob("*.py")
        if any(call in file.read_text(encoding="utf-8") for call in asking)
    }
    assert found == {"nilometer/times.py"}
