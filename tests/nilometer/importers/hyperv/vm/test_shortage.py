"""From which poll on a guest counts as short of memory, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.identifiers import UtcTime
from domain.observed.events import VmMemoryShort
from domain.observed.shortage import MemoryShortage, ShortBy
from domain.quantities import GiB, MiB
from domain.state import Power
from nilometer.importers.hyperv.readings import VmListing, VmReading
from nilometer.importers.hyperv.vm.shortage import ShortageWatch

BEGIN = datetime.fromisoformat("2026-11-23T09:00:00")
SHORT = MemoryShortage(by=ShortBy.AVAILABLE, since=UtcTime("2026-11-23T08:00:00.000000Z"), available=1, pressure=None)


def at(second: int) -> UtcTime:
    return UtcTime(f"{(BEGIN + timedelta(seconds=second)).isoformat()}.000000Z")


def poll(
    second: int,
    available: int | None = None,
    pressure: int | None = None,
    *,
    assigned: int = 4 * GiB,
    power: Power = Power.RUNNING,
) -> VmReading:
    """A poll of a VM under Dynamic Memory, which may have 4 GiB at most."""
    listing = VmListing(
        vm_id="1", name="web01", host="hv01", power=power, assigned=assigned, dynamic=True, maximum=4 * GiB
    )
    return VmReading(at=at(second), record="poll", listing=listing, guest_available=available, pressure=pressure)


def watch(*polls: VmReading, known: MemoryShortage | None = None) -> VmMemoryShort | None:
    """What the last of some polls gives."""
    watched = ShortageWatch()
    event = None
    for reading in polls:
        watched.note(reading)
        event = watched.find_event(known, reading)
    return event


def minutes(count: int, available: int = 512 * MiB - 1, every: int = 60) -> list[VmReading]:
    return [poll(every * number, available) for number in range(count + 1)]


def test_a_guest_is_short_when_little_is_available_for_ten_minutes() -> None:
    assert watch(*minutes(10)[:-1], poll(599, 1)) is None
    event = watch(*minutes(9), poll(600, 100))
    assert event is not None
    assert (event.by, event.since, event.available, event.over) == (ShortBy.AVAILABLE, at(0), 100, False)
    assert watch(*minutes(20, 512 * MiB)) is None, "that is not little"


@pytest.mark.parametrize(("pressure", "polls", "is_short"), [(101, 5, True), (101, 4, False), (100, 9, False)])
def test_a_guest_is_short_when_it_presses_for_more_in_five_polls(pressure: int, polls: int, *, is_short: bool) -> None:
    event = watch(*[poll(60 * number, 1 * GiB, pressure) for number in range(polls)])
    assert (event is not None) is is_short
    if event is not None:
        assert (event.by, event.since, event.available, event.pressure) == (ShortBy.PRESSURE, at(0), 1 * GiB, 101)


@pytest.mark.parametrize(
    "between",
    [
        poll(330, 1, assigned=2 * GiB),
        poll(330, 1, power=Power.SAVED),
        poll(330, 1 * GiB),
        poll(330, 0),
        poll(330, None),
    ],
    ids=["it can grow", "saved", "enough", "not measured", "not shown"],
)
def test_a_poll_that_does_not_show_it_begins_anew(between: VmReading) -> None:
    assert watch(*minutes(5), between, *minutes(10)[6:]) is None


def test_the_same_poll_counts_once_and_a_missed_one_begins_anew() -> None:
    assert watch(*[poll(0, 1 * GiB, 101)] * 9) is None
    assert watch(*minutes(2, every=300)) is not None
    assert watch(*minutes(2, every=301)) is None


@pytest.mark.parametrize(
    ("last", "is_over"),
    [
        (poll(60, 1 * GiB), True),
        (poll(60, 100), False),
        (poll(60, 1 * GiB, 101), False),
        (poll(60, 1 * GiB, power=Power.SAVED), False),
    ],
    ids=["enough", "little still", "it presses", "saved"],
)
def test_it_is_over_when_a_poll_shows_enough(last: VmReading, *, is_over: bool) -> None:
    event = watch(poll(0, 1 * GiB), last, known=SHORT)
    assert (event is not None) is is_over
    if event is not None:
        assert (event.by, event.since, event.over, event.available) == (SHORT.by, SHORT.since, True, 1 * GiB)


def test_what_is_known_already_is_not_told_again() -> None:
    assert watch(*minutes(10), known=SHORT) is None
