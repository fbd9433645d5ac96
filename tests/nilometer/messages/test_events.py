"""What an event tells, in one sentence."""

from __future__ import annotations

import pytest

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import BASE_MEMORY, DeviceFigures, Means, VmMemoryMoved, VmObserved, WhyMoved
from domain.quantities import GiB, MiB
from domain.state import Power
from nilometer.messages.events import describe
from nilometer.messages.stories import describe_change

NOON = UtcTime("2026-11-23T12:00:00.000000Z")
BOOT = DeviceFigures(BASE_MEMORY, Means.BOOT, 4 * GiB)


def of(event: Event) -> Envelope[Event]:
    return Envelope(vm_stream("web01"), 1, event, Metadata("a", "b", NOON, NOON, "c"), 1)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (VmObserved(host="hv02"), "now on hv02"),
        (VmObserved(name="sql01"), "called sql01"),
        (VmObserved(devices=(BOOT,)), "base-memory 4 GiB"),
        (VmObserved(devices=(BOOT,), label="before"), "before"),
        (VmObserved(devices=(BOOT,), assigned=4 * GiB), "assigned 4 GiB"),
        (VmObserved(name="sql01", host="hv02", power=Power.OFF), "off, now on hv02, called sql01"),
        (VmObserved(), "nothing new"),
    ],
)
def test_a_measure_says_where_a_vm_is_and_how_it_is_called(event: VmObserved, told: str) -> None:
    assert describe(of(event)) == f"VM web01 measured: {told}"


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ((2048, 2048, 2048, 7168), "2 GiB -> 2 GiB of base-memory, between 2 and 7 GiB"),
        ((2048, 3072, 512, 3072), "2048 MiB -> 3072 MiB of base-memory, between 512 and 3072 MiB"),
        ((3072, 2048, None, 4096), "3 GiB -> 2 GiB of base-memory, between 2 and 4 GiB"),
        ((3072, 2048, 2048, 3072), "3 GiB -> 2 GiB of base-memory"),
        ((3072, 2048, None, None), "3 GiB -> 2 GiB of base-memory"),
    ],
)
def test_moves_that_are_told_as_one_say_how_far_they_went(figures: tuple[int | None, ...], told: str) -> None:
    before, after, least, most = (None if each is None else each * MiB for each in figures)
    event = VmMemoryMoved(
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=before or 0,
        size_to=after or 0,
        why=WhyMoved.BALANCER,
        least=least,
        most=most,
    )
    assert describe(of(event)) == f"VM web01 moved {told}, balancer"
    assert f"moved {told}, balancer" in next(iter(describe_change([of(event)])))
