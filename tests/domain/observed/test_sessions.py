"""Sessions of an observed VM: what a boot, a stop, a list and a checkpoint leave of its figures. Sizes are MiB here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.guests import Mechanism
from domain.identifiers import UtcTime
from domain.observed.events import (
    DeviceFigures,
    Observed,
    VmAnnotated,
    VmCheckpoint,
    VmLost,
    VmMemoryMoved,
    VmMemoryShort,
    VmNotListed,
    VmObserved,
    VmRetired,
)
from domain.observed.polls import PollFigures
from domain.observed.shortage import MemoryShortage, ShortBy
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from domain.settings import MemorySetting
from domain.state import Power
from tests.domain.observed.test_vm import at, booted, moved, vm_after

RUNNING = VmObserved(power=Power.RUNNING, session=1, host="hv01", assigned=1024, visible=1024, in_use=300)
SHORT = VmMemoryShort(by=ShortBy.AVAILABLE, since=at(0), available=100, pressure=90)
NOT_LISTED = VmNotListed(host="hv01")
GONE: list[Observed] = [NOT_LISTED, VmRetired()]


# What is measured


def test_a_figure_stays_until_it_is_measured_again() -> None:
    setting = MemorySetting.static(1024)
    first = VmObserved(
        name="Web",
        host="hv01",
        hypervisor="Hyper-V",
        generation=2,
        kernel="6.1",
        memory=setting,
        power=Power.RUNNING,
        in_use=300,
        visible=1000,
        paged_out=5,
        guest_block=128,
    )
    vm = vm_after(first, VmObserved(name="Shop", in_use=400))
    assert (vm.id, vm.name, vm.host, vm.hypervisor, vm.generation, vm.kernel) == (
        "web01",
        "Shop",
        "hv01",
        "Hyper-V",
        2,
        "6.1",
    )
    assert (vm.memory, vm.power, vm.in_use, vm.visible) == (setting, Power.RUNNING, 400, 1000)
    assert (vm.paged_out, vm.guest_block, vm.version) == (5, 128, 2)
    assert (vm.measured["name"], vm.measured["in_use"], vm.measured["host"]) == (at(2), at(2), at(1))


def test_a_visible_that_is_measured_is_not_computed_of_the_guests_own_count() -> None:
    vm = vm_after(replace(booted(), visible=1000))
    assert (vm.visible, vm.kept) == (1000, None)


def test_a_device_keeps_what_is_not_told_again() -> None:
    first = DeviceFigures("vm0", Means.VIRTIO_MEM, 256, 2048, True, Mechanism.HOT_REMOVE)
    vm = vm_after(booted(None), VmObserved(devices=(first,)), VmObserved(devices=(DeviceFigures("vm0", None, None),)))
    account = vm.accounts["vm0"]
    assert (account.means, account.size, account.maximum, account.backed) == (Means.VIRTIO_MEM, 256, 2048, True)
    smaller = VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 128),))
    account = vm_after(booted(None), VmObserved(devices=(first,)), smaller).accounts["vm0"]
    assert (account.size, account.maximum, account.mechanism) == (128, 2048, Mechanism.HOT_REMOVE)
    other = VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 0, 512, False),))
    account = vm_after(booted(None), VmObserved(devices=(first,)), other).accounts["vm0"]
    assert (account.size, account.maximum, account.backed) == (0, 512, False)
    assert (vm.size("vm0"), vm.size("vm1")) == (256, None)


def test_what_is_assigned_is_what_is_told_and_else_the_sum_of_the_devices() -> None:
    device = DeviceFigures("vm0", Means.VIRTIO_MEM, 256)
    assert vm_after(booted(), VmObserved(devices=(device,), assigned=2048)).assigned == 2048
    assert vm_after(booted(), VmObserved(devices=(device,))).assigned == 1280
    assert vm_after(booted(), VmObserved(in_use=5)).assigned == 1024


def test_what_a_balloon_lent_is_what_is_told_where_no_device_is_known_to_be_one() -> None:
    assert vm_after(RUNNING).ballooned is None
    assert vm_after(RUNNING, VmObserved(ballooned=128), VmObserved(in_use=5)).ballooned == 128
    assert vm_after(booted()).ballooned == 0
    assert vm_after(booted(), VmObserved(ballooned=128)).ballooned == 128
    assert vm_after(booted(balloon=700), VmObserved(ballooned=128)).ballooned == 324


@pytest.mark.parametrize(
    ("power", "held"), [(Power.OFF, 0), (Power.SAVED, 0), (Power.RUNNING, 1024), (Power.PAUSED, 1024), (None, None)]
)
def test_a_vm_without_devices_holds_what_it_is_assigned_while_it_runs(power: Power | None, held: int | None) -> None:
    vm = vm_after(VmObserved(assigned=1024))
    vm.power = power
    assert vm.held == held


@pytest.mark.parametrize(("power", "held"), [(Power.RUNNING, 1024), (Power.PAUSED, 1024), (Power.SAVED, 5)])
def test_what_a_saved_vm_gave_back_it_has_again_once_it_runs(power: Power, held: int) -> None:
    told = VmObserved(power=Power.SAVED, held=5)
    vm = vm_after(RUNNING, told, VmObserved(power=power))
    assert vm.held == held
    assert vm_after(RUNNING, told, VmObserved(power=power, held=7)).held == 7
    assert vm_after(RUNNING, told, VmObserved(in_use=5)).held == 5


# Sessions


def test_another_session_begins_with_nothing_but_what_the_vm_boots_with() -> None:
    told = replace(booted(virtio=256), in_use=300, paged_out=5, ballooned=1, held=700)
    vm = vm_after(told, VmLost(), VmObserved(session=2))
    figures = (vm.assigned, vm.high_watermark, vm.kept, vm.paged_out, vm.told_ballooned, vm.told_held)
    assert figures == (None,) * 6
    assert (vm.in_use, vm.visible, vm.guest_total, vm.guest_offline, vm.lost) == (None, None, None, None, False)
    assert (vm.session, vm.size(BASE_MEMORY), vm.size("vm0")) == (2, 1024, None)
    assert vm_after(told, VmObserved(session=1)).assigned == 1280


def test_a_session_that_begins_with_devices_knows_again_what_they_were() -> None:
    first = replace(booted(), devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 256, 2048, True),))
    again = VmObserved(session=2, devices=(DeviceFigures("vm0", None, None),))
    account = vm_after(first, again).accounts["vm0"]
    assert (account.means, account.size, account.maximum, account.backed) == (Means.VIRTIO_MEM, None, 2048, True)


def test_what_a_session_boots_with_is_unknown_where_its_first_event_says_so() -> None:
    vm = vm_after(booted(None), VmObserved(session=2, devices=(DeviceFigures(BASE_MEMORY, Means.BOOT, None),)))
    assert (vm.size(BASE_MEMORY), vm.assigned) == (None, None)


def test_the_first_count_of_a_session_shows_what_is_kept_and_the_later_ones_do_not() -> None:
    vm = vm_after(booted(), VmObserved(guest_total=1024 - 100))
    assert (vm.kept, vm.visible, vm.measured["visible"]) == (40, 964, at(2))


def test_off_a_vm_has_nothing_and_what_it_held_is_known_until_its_process_is_gone() -> None:
    vm = vm_after(replace(booted(virtio=256, backed=True), ballooned=1), SHORT, VmObserved(power=Power.OFF))
    assert (vm.short, vm.told_ballooned, vm.guest_total, vm.guest_offline, vm.kept) == (None,) * 5
    assert (vm.size(BASE_MEMORY), vm.size("vm0"), vm.paged_out, vm.held) == (0, 0, 0, 1280)
    assert vm_after(booted(backed=True), VmObserved(power=Power.OFF, held=0)).held == 0
    assert vm_after(booted(backed=True), VmObserved(held=5), VmObserved(power=Power.OFF)).held == 1024


# Nobody lists it, or it is gone


@pytest.mark.parametrize("gone", GONE, ids=["not listed", "retired"])
def test_a_vm_that_no_host_lists_holds_nothing(gone: Observed) -> None:
    vm = vm_after(RUNNING, SHORT, gone)
    assert (vm.held, vm.power, vm.short, vm.in_use, vm.visible) == (0, None, None, None, None)
    assert (vm.assigned, vm.host) == (1024, "hv01")
    is_retired = isinstance(gone, VmRetired)
    assert (vm.not_listed_since, vm.retired_since) == ((None, at(3)) if is_retired else (at(3), None))


@pytest.mark.parametrize(
    ("seen", "is_listed"),
    [
        (VmObserved(host="hv02"), True),
        (VmObserved(power=Power.OFF), True),
        (VmObserved(assigned=1024), True),
        (VmObserved(name="Web"), False),
    ],
)
def test_it_is_listed_again_when_a_host_shows_it(seen: VmObserved, *, is_listed: bool) -> None:
    assert (vm_after(RUNNING, NOT_LISTED, seen).not_listed_since is None) is is_listed


def test_whatever_is_seen_of_it_a_retired_vm_is_retired_no_more() -> None:
    assert vm_after(RUNNING, VmRetired(), VmObserved(name="Web")).retired_since is None


def test_what_is_added_to_its_past_does_not_bring_a_retired_vm_back() -> None:
    assert vm_after(RUNNING, VmRetired(), VmAnnotated(about=1, ticket="CHG-7")).retired_since == at(2)


# Short of memory


def test_a_guest_is_short_until_that_is_over() -> None:
    vm = vm_after(RUNNING, SHORT)
    assert vm.short == MemoryShortage(by=ShortBy.AVAILABLE, since=at(0), available=100, pressure=90)
    assert vm_after(RUNNING, SHORT, replace(SHORT, over=True)).short is None


# Moves


def polled(assigned: int, visible: int | None, in_use: int | None) -> VmMemoryMoved:
    newest = PollFigures(at=at(50), assigned=assigned, visible=visible, in_use=in_use)
    return replace(moved(0, 256), newest=newest)


def test_a_move_says_what_the_last_poll_of_its_size_showed() -> None:
    vm = vm_after(booted(), polled(1280, 1300, 400))
    assert (vm.visible, vm.in_use, vm.ballooned, vm.told_ballooned) == (1300, 400, 20, 20)
    assert {vm.measured[name] for name in ("assigned", "visible", "in_use")} == {at(50)}


@pytest.mark.parametrize(
    ("poll", "visible", "in_use", "lent"),
    [
        (polled(1280, None, 400), 1024, 400, None),
        (polled(1280, 1280, None), 1280, None, None),
        (polled(1280, 1280, 400), 1280, 400, 0),
        (polled(1280, 1200, 400), 1200, 400, None),
        (polled(1024, 1300, 400), 1024, None, None),
    ],
    ids=["no visible", "nothing in use", "all is visible", "less is visible", "of another size"],
)
def test_what_that_poll_did_not_show_it_does_not_say(
    poll: VmMemoryMoved, visible: int, in_use: int | None, lent: int | None
) -> None:
    vm = vm_after(booted(), poll)
    assert (vm.visible, vm.in_use, vm.told_ballooned) == (visible, in_use, lent)


def test_the_most_that_a_vm_had_between_two_polls_counts_if_it_is_of_the_whole_vm() -> None:
    whole = VmMemoryMoved(device=BASE_MEMORY, means=None, size_from=1024, size_to=1100, why=WhyMoved.UNASKED, most=1500)
    vm = vm_after(RUNNING, whole)
    assert (vm.assigned, vm.high_watermark, vm.measured["assigned"]) == (1100, 1500, at(2))
    vm = vm_after(RUNNING, replace(whole, most=None))
    assert vm.high_watermark == 1100
    assert vm_after(booted(), replace(moved(0, 256), most=5000)).high_watermark == 1280
    assert vm_after(booted(), replace(whole, size_to=600, most=700)).high_watermark == 1024


def test_a_move_keeps_whether_the_budget_backs_a_device_until_it_says_so() -> None:
    assert vm_after(booted(backed=True), moved(0, 256)).accounts["vm0"].backed is True
    assert vm_after(booted(backed=True), replace(moved(0, 256), backed=False)).accounts["vm0"].backed is False
    new = vm_after(booted(None), moved(0, 256)).accounts["vm0"]
    assert (new.means, new.size, new.backed) == (Means.VIRTIO_MEM, 256, None)


def test_a_move_of_a_module_leaves_a_balloon_of_unknown_size_alone() -> None:
    vm = vm_after(booted(None), VmObserved(devices=(DeviceFigures("balloon", Means.BALLOON, None),)))
    vm.apply(moved(0, 128, "pc-dimm", Means.PC_DIMM), at(9))
    assert (vm.size("balloon"), vm.size("pc-dimm")) == (None, 128)
    vm = vm_after(booted(None, balloon=512), moved(512, 0, "pc-dimm", Means.PC_DIMM))
    assert vm.size("balloon") == 0


# Checkpoints


TAKEN, APPLIED = VmCheckpoint(name="one", applied=False), VmCheckpoint(name="one", applied=True)


def test_a_checkpoint_brings_back_the_watermark_that_was_then() -> None:
    told = replace(booted(None), in_use=300), TAKEN, moved(0, 128, "pc-dimm", Means.PC_DIMM)
    vm = vm_after(*told)
    assert (vm.checkpoints, vm.high_watermark) == ({"one": 1024}, 1152)
    vm.apply(APPLIED, at(9))
    assert (vm.high_watermark, vm.in_use, vm.visible, vm.guest_total) == (1024, None, None, None)
    assert (vm.size(BASE_MEMORY), vm.size("pc-dimm"), vm.assigned) == (1024, 128, None)


def test_what_was_assigned_stays_where_the_checkpoint_may_have_been_of_that_size() -> None:
    vm = vm_after(booted(None), TAKEN, APPLIED)
    assert (vm.assigned, vm.high_watermark) == (1024, 1024)
    vm = vm_after(booted(), TAKEN, APPLIED)
    assert (vm.size("vm0"), vm.assigned) == (None, None), "virtio-mem is of a time that is undone"
    vm = vm_after(booted(None), replace(APPLIED, name="of before"))
    assert (vm.assigned, vm.high_watermark) == (None, None)


def test_what_is_assigned_stays_unknown_where_a_checkpoint_is_applied() -> None:
    unknown = VmObserved(devices=(DeviceFigures("pc-dimm", Means.PC_DIMM, None),))
    vm = vm_after(booted(None), TAKEN, unknown, APPLIED)
    assert (vm.assigned, vm.high_watermark, vm.size(BASE_MEMORY)) == (None, 1024, 1024)


def test_a_checkpoint_that_is_applied_to_a_vm_that_is_off_changes_nothing() -> None:
    vm = vm_after(booted(), TAKEN, VmObserved(power=Power.OFF), APPLIED)
    assert (vm.assigned, vm.high_watermark, vm.size("vm0")) == (0, 0, 0)


def test_what_nobody_knew_then_is_not_known_after_it() -> None:
    vm = ObservedVm.begin("web01")
    vm.apply(TAKEN, at(1))
    vm.apply(RUNNING, at(2))
    vm.apply(APPLIED, UtcTime("2026-11-23T09:00:03.000000Z"))
    assert (vm.assigned, vm.high_watermark) == (None, None)
