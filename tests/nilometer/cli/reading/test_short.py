"""``nilo short``: who is short of memory and why, from polls, requests and commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.quantities import GiB, MiB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, dynamic, off, vm
from tests.paths import RECORDINGS


def shortages(desk: Desk, spool: Spool, at: str = "2026-11-23T09:30:00Z") -> dict[str, Any]:
    """What is short after a spool was imported."""
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    found: dict[str, Any] = desk.call("short", "--at", at, "--format", "json").json
    assert problems("short", found) == []
    return found


def polled(*minutes: int, **figures: Any) -> Spool:
    """A static VM that is polled in these minutes."""
    spool = Spool()
    for minute in minutes:
        spool.poll(minute, vm(**figures))
    return spool


@pytest.mark.parametrize(
    ("free", "assigned", "short"),
    [
        (511, 4096, True),
        (512, 4096, False),
        (1023, 20480, True),
        (1024, 20480, False),
        (255, 1024, True),
        (256, 1024, False),
    ],
)
def test_a_guest_is_short_if_little_is_available_for_ten_minutes(
    desk: Desk, free: int, assigned: int, short: bool
) -> None:
    found = shortages(desk, polled(*range(12), assigned=assigned, startup=assigned, free=free))
    assert [(one["vm"], one["why"], one["since"], one["available"]) for one in found["short"]] == (
        [(WEB, "available", "2026-11-23T09:00:00.000000Z", free * MiB)] if short else []
    )


def test_an_available_of_0_is_not_measured(desk: Desk) -> None:
    assert shortages(desk, polled(*range(12), free=0))["short"] == []


@pytest.mark.parametrize("minutes", [range(10), [0, 1, 2, 3, 9, 10, 11, 12], [0, 12]])
def test_ten_minutes_are_watched_ones(desk: Desk, minutes: list[int]) -> None:
    assert shortages(desk, polled(*minutes, free=100))["short"] == []


def test_it_is_over_when_enough_is_available_again_or_the_vm_stops(desk: Desk) -> None:
    spool = polled(*range(12), free=100)
    assert len(shortages(desk, spool)["short"]) == 1
    spool.poll(12, vm(free=900)).poll(13, vm(free=900))
    assert shortages(desk, spool)["short"] == []
    shown = desk.call("log").out
    assert "is short of memory since 2026-11-23 09:00:00Z (100 MiB available)" in shown
    assert "is no longer short of memory (900 MiB available)" in shown
    for minute in range(14, 26):
        spool.poll(minute, vm(free=100))
    assert len(shortages(desk, spool)["short"]) == 1
    assert shortages(desk, spool.poll(26, off()).poll(27, off()))["short"] == []


def test_an_import_every_minute_finds_the_same(desk: Desk) -> None:
    spool = Spool()
    for minute in range(12):
        spool.poll(minute, vm(free=100))
        shortages(desk, spool)
    assert [one["since"] for one in shortages(desk, spool)["short"]] == ["2026-11-23T09:00:00.000000Z"]
    assert desk.call("log").out.count("is short of memory") == 1


def test_at_its_maximum_a_guest_that_presses_in_five_polls_is_short(desk: Desk) -> None:
    spool = Spool()
    for minute in range(5):
        spool.poll(minute, dynamic(8192, pressure=120))
    assert [(one["vm"], one["why"], one["pressure"], one["maximum"]) for one in shortages(desk, spool)["short"]] == [
        (ERP, "pressure", 120, 8192 * MiB)
    ]
    shown = desk.call("short", "--at", "2026-11-23T09:30:00Z").out
    assert shown.startswith(
        "erp01 on hv01: pressure 120 % at its maximum of 8 GiB, for 30 min (since 2026-11-23 09:00:00Z)"
    )


@pytest.mark.parametrize("figures", [{"assigned": 4096, "pressure": 120}, {"assigned": 8192, "pressure": 100}])
def test_what_dynamic_memory_can_still_give_or_does_not_need_is_no_shortage(
    desk: Desk, figures: dict[str, int]
) -> None:
    spool = Spool()
    for minute in range(12):
        spool.poll(minute, dynamic(figures["assigned"], pressure=figures["pressure"], free=100 if minute % 2 else 4000))
    assert shortages(desk, spool)["short"] == []


def test_a_short_grant_is_short_until_the_rest_came_and_the_worst_comes_first(desk: Desk) -> None:
    change = ("--asked", "8GiB", "--before", "4GiB", "--after", "6GiB", "--happened", "2026-11-23T09:10:00Z")
    assert desk.call("record", "old", "--new", *change).code == 1
    assert shortages(desk, polled(*range(12), free=100))["short"][0]["vm"] == WEB
    found = desk.call("short", "--at", "2026-11-23T09:30:00Z", "--format", "json").json
    assert found["running"] == 1  # of the other nobody knows whether it runs


def test_a_decided_vm_is_short_until_it_has_what_was_requested(desk: Desk) -> None:
    desk.with_history()
    assert desk.call("do", "add-memory", "web01", "1TiB").code == 1
    (one,) = desk.call("short", "--format", "json").json["short"]
    assert (one["vm"], one["why"]) == ("web01", "short-grant")
    assert one["missing"] > 0
    assert "of what was requested not granted" in desk.call("short").out
    desk.call("do", "report-in-use", "web01", "1GiB")
    assert desk.call("do", "remove-memory", "web01", "2MiB").code == 0  # who wants less now is not short
    assert desk.call("short", "--format", "json").json["short"] == []


def test_of_which_vms_nobody_can_say_it_is_said_with_the_reason(desk: Desk) -> None:
    spool = Spool()
    for minute in range(3):
        spool.poll(minute, vm(free=None), build=14393)
    found = shortages(desk, spool)
    assert [(one["vm"], one["reason"]) for one in found["unknown"]] == [(WEB, "no-counter")]
    late = desk.call("short", "--at", "2026-11-23T12:00:00Z", "--format", "json").json
    assert [(one["reason"], one["since"]) for one in late["unknown"]] == [("not-heard", "2026-11-23T09:02:00.000000Z")]
    assert (
        "unknown, not updated: web01 since 2026-11-23 09:02:00Z" in desk.call("short", "--at", "2026-11-23T12:00Z").out
    )


def test_nothing_short_says_so(desk: Desk) -> None:
    assert json.loads(json.dumps(shortages(desk, polled(*range(12), free=1000))))["short"] == []
    shown = desk.call("short", "--at", "2026-11-23T09:30:00Z").out
    assert shown == "No VM is known to be short of memory at 2026-11-23 09:30:00Z, of 1 that run.\n"


def test_a_vm_of_which_nobody_recorded_whether_it_runs_is_not_left_out(desk: Desk) -> None:
    record = ("record", "--new", "--asked", "8GiB", "--before", "4GiB", "--after")
    desk.call(*record, "8GiB", "web01")
    at = ("short", "--at", "now")
    assert desk.call(*at).out.splitlines()[0].endswith(", and none is known to run.")
    assert desk.call(*at).out.splitlines()[1] == "unknown, whether it runs was not recorded: web01"
    desk.call(*record, "6GiB", "web02")
    (short,) = desk.call(*at, "--format", "json").json["short"]
    assert (short["vm"], short["missing"]) == ("web02", 2 * GiB)
    desk.call("record", "--retire", "web01")
    assert "web01" not in desk.call(*at).out


def test_a_request_for_a_device_that_waits_for_memory_is_a_shortage(desk: Desk) -> None:
    # given three real VMs on one budget
    desk.call("import-qemu", str(RECORDINGS / "s7_three_vms_one_budget.jsonl"), "--as", "lab")
    # when it is full, then those are short whose requests wait, by what they wait for
    found = desk.call("short", "--at", "2026-11-23T14:53:31.3Z", "--format", "json").json
    assert problems("short", found) == []
    assert [(one["vm"], one["why"], one["missing"], one["since"]) for one in found["short"]] == [
        ("lab.vm1", "short-grant", 128 * MiB, "2026-11-23T14:52:56.624000Z"),
        ("lab.vm2", "short-grant", 128 * MiB, "2026-11-23T14:53:05.436000Z"),
    ]
    # and when they were granted late, none is
    assert desk.call("short", "--at", "2026-11-23T14:53:56Z", "--format", "json").json["short"] == []
