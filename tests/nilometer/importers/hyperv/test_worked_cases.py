"""The worked cases that match real observations, and the watermark cases: Nilometer says of each what really was seen.

Where Hyper-V decides, the observations are folded as they were told. Where the model decides, it comes to the same.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.guests import Guest, Mechanism, removal_mechanism
from domain.identifiers import UtcTime
from domain.observed.events import DeviceFigures, VmMemoryMoved, VmObserved
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from domain.quantities import KiB, MiB
from domain.state import Power
from nilometer.importers.hyperv.sources.counters import pdh_csv
from nilometer.importers.hyperv.sources.get_vm import converted_json
from nilometer.importers.hyperv.sources.source import FileContext
from tests.domain.given import HOST, WEB, do, given
from tests.nilometer.importers.hyperv.sources.counters.test_counters import VM, table
from tests.nilometer.importers.hyperv.sources.files import AT, read, read_on, sample, vms
from tests.nilometer.importers.hyperv.sources.get_vm.test_get_vm import SYNTHETIC_VM
from tests.oracle.shapes import Line

CASES: list[dict[str, Any]] = json.loads(sample("watermark_cases.json"))
LEGACY, GROWS, LINUX_LEGACY, LINUX, RESIZED = CASES

OLD_WINDOWS: Line = {
    **WEB,
    "guest": "windows-legacy",
    "memory": {"dynamic": {"minimum": "512MiB", "startup": "2GiB", "maximum": "4GiB", "buffer": 20, "weight": 50}},
}
STARTED = (HOST, OLD_WINDOWS, do("start"), do("report-in-use", in_use="600MiB"))


def observed(*seen: VmObserved) -> ObservedVm:
    """A VM of which this was seen, a minute after the other."""
    vm = ObservedVm.begin("web01")
    for minute, event in enumerate(seen):
        vm.apply(event, UtcTime(f"2026-11-23T09:{minute:02}:00.000000Z"))
    return vm


def measured(assigned: int, visible: int | None = None, session: int = 1) -> VmObserved:
    """A running VM, in MiB."""
    seen = None if visible is None else visible * MiB
    return VmObserved(power=Power.RUNNING, session=session, assigned=assigned * MiB, visible=seen)


# Row 8: a balloon takes memory, and the guest goes on seeing its high watermark


def test_a_real_vm_whose_balloon_took_1408_mib_is_told_as_it_was_seen() -> None:
    low = LEGACY["observations"][0]
    vm = observed(
        measured(LEGACY["startup_mb"], LEGACY["startup_mb"]), measured(low["assigned_mb"], low["guest_visible_mb"])
    )
    assert (vm.assigned, vm.visible, vm.high_watermark) == (640 * MiB, 2048 * MiB, 2048 * MiB)


def test_the_model_comes_to_the_same_for_such_a_guest() -> None:
    given(*STARTED).when(do("reclaim", amount="1408MiB")).then(
        "completed",
        granted="1408MiB",
        web01={"assigned": "640MiB", "ballooned": "1408MiB", "visible": "2048MiB", "high_watermark": "2048MiB"},
    )


def test_the_counters_of_such_a_vm_tell_assigned_and_visible_apart() -> None:
    columns = tuple(rf"{VM}(web01)\{name}" for name in ("Physical Memory", "Guest Visible Physical Memory"))
    (told,) = vms(read(pdh_csv, table(("11/23/2026 10:00:00", "640", "2048"), columns=columns), FileContext()))
    assert (told.listing.assigned, told.listing.visible) == (640 * MiB, 2048 * MiB)


# Row 9: under pressure it rises to its maximum; demand is more than that, and is nowhere taken for memory in use


def test_a_real_vm_under_pressure_is_at_its_maximum_and_what_is_in_use_stays_unknown() -> None:
    low, high = LEGACY["observations"]
    vm = observed(
        measured(2048, 2048), measured(low["assigned_mb"], low["guest_visible_mb"]), measured(high["assigned_mb"])
    )
    assert (vm.assigned, vm.high_watermark, vm.in_use) == (LEGACY["max_mb"] * MiB, 4096 * MiB, None)


def test_the_model_lets_the_balloon_down_before_it_adds_and_the_guest_sees_all() -> None:
    given(*STARTED, do("reclaim", amount="1408MiB")).when(do("grow", amount="3456MiB")).then(
        "completed",
        granted="3456MiB",
        web01={"assigned": "4GiB", "ballooned": "0", "visible": "4GiB", "high_watermark": "4GiB"},
    )


def test_get_vm_of_such_a_vm_tells_neither_its_demand_nor_its_localized_warning() -> None:
    told = {"MemoryAssigned": 4096 * MiB, "MemoryDemand": 4423 * MiB, "MemoryStatus": "Warning"}
    (reading,) = vms(read(converted_json, json.dumps(SYNTHETIC_VM | told)))
    assert reading.listing.assigned == 4096 * MiB
    assert 4423 * MiB not in reading


# Row 13: a Linux guest before 5.11 counts its total as before, though a balloon took most of it


def free(text: str) -> list[tuple[int, int]]:
    """Total and available, in KiB, of each output of ``free`` in a text."""
    rows = [line.split() for line in text.splitlines() if line.startswith("Mem:")]
    return [(int(row[1]), int(row[6])) for row in rows]


def test_a_real_linux_guest_before_5_11_sees_the_same_total_after_its_balloon_took_most_of_it() -> None:
    before, after = free(sample("multipass_2182_free_before_after.txt").decode())
    assert (before[0], after) == (LINUX_LEGACY["visible_before_kb"], (LINUX_LEGACY["visible_after_kb"], 615_636))
    boot = DeviceFigures(device=BASE_MEMORY, means=Means.BOOT, size=6144 * MiB)
    balloon = DeviceFigures(device="balloon", means=Means.BALLOON, size=6144 * MiB)
    vm = observed(
        VmObserved(
            power=Power.RUNNING,
            session=1,
            guest=Guest.LINUX_LEGACY,
            devices=(boot, balloon),
            guest_total=before[0] * KiB,
        )
    )
    assert vm.visible == 6144 * MiB
    moved = VmMemoryMoved(
        device="balloon", means=Means.BALLOON, size_from=6144 * MiB, size_to=1300 * MiB, why=WhyMoved.BALANCER,
        mechanism=Mechanism.BALLOON,
    )  # fmt: skip
    vm.apply(moved, UtcTime("2026-11-23T09:04:00.000000Z"))
    vm.apply(VmObserved(guest_total=after[0] * KiB), UtcTime("2026-11-23T09:04:01.000000Z"))
    assert (vm.assigned, vm.visible, vm.high_watermark) == (1300 * MiB, 6144 * MiB, 6144 * MiB)


def test_its_balloon_stopped_at_the_floor_that_the_guests_driver_keeps() -> None:
    total = LINUX_LEGACY["total_kb"]
    floor = (232 * MiB // KiB) + total // 16  # for a guest of 2 to 8 GiB
    assert abs(floor - LINUX_LEGACY["balloon_floor_formula_kb"]) < 4
    assert floor - LINUX_LEGACY["available_after_kb"] < 1024  # measured a moment later, less than 1 MiB under it


# The other watermark cases are rules


def test_a_watermark_only_rises_until_the_guest_reboots() -> None:
    assert "only grows until the next reboot" in GROWS["rule"]
    vm = observed(measured(2048, 2048), measured(4096, 4096), measured(1024, 4096))
    assert (vm.visible, vm.high_watermark) == (4096 * MiB, 4096 * MiB)
    vm.apply(measured(2048, session=2), UtcTime("2026-11-23T10:00:00.000000Z"))
    assert (vm.visible, vm.high_watermark) == (None, 2048 * MiB)


@pytest.mark.parametrize(
    ("case", "guest", "mechanism"),
    [
        (LEGACY, Guest.WINDOWS_LEGACY, Mechanism.BALLOON),
        (LINUX_LEGACY, Guest.LINUX_LEGACY, Mechanism.BALLOON),
        (LINUX, Guest.LINUX, Mechanism.BALLOON_ADJUSTED),
        (RESIZED, Guest.WINDOWS, Mechanism.HOT_REMOVE),
    ],
)
def test_each_guest_of_the_cases_gives_memory_up_as_was_seen(
    case: dict[str, Any], guest: Guest, mechanism: Mechanism
) -> None:
    assert case["guest"].startswith("Linux") == (guest in (Guest.LINUX, Guest.LINUX_LEGACY))
    assert removal_mechanism(guest) is mechanism


@pytest.mark.parametrize("guest", ["windows", "linux"])
def test_in_a_newer_guest_what_is_visible_falls_by_what_was_removed(guest: str) -> None:
    assert "MemTotal falls" in LINUX["rule"]
    assert "decreases on removal" in RESIZED["rule"]
    started = (HOST, {**WEB, "guest": guest}, do("start"), do("report-in-use", in_use="1GiB"))
    given(*started).when(do("remove-memory", amount="2GiB")).then(
        "completed", granted="2GiB", web01={"assigned": "2GiB", "visible": "2GiB", "high_watermark": "4GiB"}
    )


# Row 18: demand is worked out from a whole percentage, and is no memory in use

REAL_DEMANDS = [(5757, 15, 4893), (4096, 37, 2580), (4096, -8, 4423)]
"""Assigned in MB, available in percent, demand in MB: of a Linux guest, of a static VM, and under pressure."""


def format_list(name: str) -> dict[str, str]:
    """The properties of an output of ``Format-List``."""
    lines = [line.partition(":") for line in sample(name).decode().splitlines()]
    return {key.strip(): value.strip() for key, colon, value in lines if colon}


def test_the_real_pairs_of_assigned_and_demand_are_whole_percentages() -> None:
    for assigned, percent, demand in REAL_DEMANDS:
        assert assigned * (100 - percent) // 100 == demand
    linux = format_list("get-vm_formatlist_linux-hyperv_2021-01-25.txt")
    static = format_list("get-vm_select-star_fl_static_intel-mfd.txt")
    pairs = [(int(each["MemoryAssigned"]) // MiB, int(each["MemoryDemand"]) // MiB) for each in (linux, static)]
    assert pairs == [(assigned, demand) for assigned, _, demand in REAL_DEMANDS[:2]]
    high = LEGACY["observations"][1]
    assert (high["assigned_mb"], high["demand_mb"]) == (REAL_DEMANDS[2][0], REAL_DEMANDS[2][2])


@pytest.mark.parametrize(("assigned", "percent", "demand"), REAL_DEMANDS)
def test_no_reading_of_get_vm_holds_the_demand(assigned: int, percent: int, demand: int) -> None:
    told = {"MemoryAssigned": assigned * MiB, "MemoryDemand": demand * MiB}
    (reading,) = vms(read(converted_json, json.dumps(SYNTHETIC_VM | told)))
    (other,) = vms(read(converted_json, json.dumps(SYNTHETIC_VM | told | {"MemoryDemand": 7})))
    assert reading == other
    assert reading.listing.assigned == assigned * MiB
    assert reading.guest_available is None  # nor what follows from it


def test_no_pressure_of_the_counters_is_read() -> None:
    columns = tuple(rf"{VM}(web01)\{name}" for name in ("Physical Memory", "Current Pressure", "Average Pressure"))
    one, other = (
        read(pdh_csv, table(("11/23/2026 10:00:00", "640", pressure, pressure), columns=columns), FileContext())
        for pressure in ("97", "12")
    )
    assert one == other
    alone = table(("11/23/2026 10:00:00", "97"), columns=columns[1:2])
    assert read_on(pdh_csv, alone)[0] == []


def test_format_list_of_a_real_static_vm_said_again_as_json_is_read_without_its_demand_and_texts() -> None:
    told = format_list("get-vm_select-star_fl_static_intel-mfd.txt") | {"DynamicMemoryEnabled": "False"}
    (reading,) = vms(read(converted_json, json.dumps(told)))
    assert (reading.at, reading.listing.name, reading.listing.power, reading.listing.generation) == (
        AT,
        "Base_R92_VM001",
        Power.RUNNING,
        2,
    )
    assert (reading.listing.assigned, reading.uptime, reading.listing.vm_id) == (4096 * MiB, 227, None)
