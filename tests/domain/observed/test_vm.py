"""Observed VMs: what their events come to. Sizes are MiB here; a figure nobody measured stays unknown."""

from __future__ import annotations

from dataclasses import replace

from domain.decision import Outcome
from domain.guests import Mechanism
from domain.identifiers import UtcTime
from domain.observed.events import (
    DeviceFigures,
    Observed,
    VmChangeRequested,
    VmCheckpoint,
    VmLost,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, Means, ObservedCode, WhyMoved
from domain.state import Power


def at(second: int) -> UtcTime:
    return UtcTime(f"2026-11-23T09:00:{second:02}.000000Z")


def vm_after(*events: Observed) -> ObservedVm:
    """A VM after these events, one a second."""
    vm = ObservedVm.begin("web01")
    for second, event in enumerate(events, start=1):
        vm.apply(event, at(second))
    return vm


def booted(virtio: int | None = 0, balloon: int | None = None, backed: bool | None = None) -> VmObserved:
    devices = [DeviceFigures(BASE_MEMORY, Means.BOOT, 1024, backed=backed)]
    if virtio is not None:
        devices.append(DeviceFigures("vm0", Means.VIRTIO_MEM, virtio, backed=backed))
    if balloon is not None:
        devices.append(DeviceFigures("balloon", Means.BALLOON, balloon))
    return VmObserved(power=Power.RUNNING, session=1, host="hv01", devices=tuple(devices), guest_total=1024 - 40)


def moved(before: int, after: int, device: str = "vm0", means: Means = Means.VIRTIO_MEM) -> VmMemoryMoved:
    return VmMemoryMoved(device=device, means=means, size_from=before, size_to=after, why=WhyMoved.UNASKED)


def asked(number: int, before: int, target: int) -> VmChangeRequested:
    return VmChangeRequested(
        request=number,
        device="vm0",
        means=Means.VIRTIO_MEM,
        size_from=before,
        target=target,
        amount=abs(target - before),
        accepted=True,
        asked=None,
        answer=None,
    )


def settled(number: int, device: str = "vm0", *, still_open: bool = False) -> VmRequestSettled:
    return VmRequestSettled(
        request=number,
        device=device,
        amount=512,
        granted=0,
        remaining=512,
        outcome=Outcome.FAILED,
        code=ObservedCode.NOT_REPORTED,
        cause_is=None,
        still_open=still_open,
    )


def test_a_device_keeps_the_mechanism_that_was_told_last() -> None:
    first = DeviceFigures("vm0", Means.VIRTIO_MEM, 0, mechanism=Mechanism.HOT_REMOVE)
    told = (booted(), VmObserved(devices=(first,)), moved(0, 256))
    assert vm_after(*told).accounts["vm0"].mechanism is Mechanism.HOT_REMOVE
    other = replace(moved(256, 128), mechanism=Mechanism.BALLOON)
    assert vm_after(*told, other).accounts["vm0"].mechanism is Mechanism.BALLOON


def test_what_a_vm_that_was_off_begins_with_is_unknown_until_it_is_told() -> None:
    told = (booted(virtio=256), VmObserved(power=Power.OFF), VmObserved(power=Power.RUNNING, session=2))
    assert vm_after(*told).accounts[BASE_MEMORY].size is None
    assert vm_after(*told, VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 0),))).assigned is None


def test_a_session_that_begins_with_devices_has_no_others() -> None:
    base = DeviceFigures(BASE_MEMORY, Means.BOOT, 2048)
    vm = vm_after(booted(virtio=256, balloon=512), VmObserved(session=2, devices=(base,)))
    assert (sorted(vm.accounts), vm.assigned, vm.ballooned) == ([BASE_MEMORY], 2048, 0)


def test_a_guest_that_is_measured_again_is_not_lost() -> None:
    assert vm_after(booted(), VmLost()).lost
    assert not vm_after(booted(), VmLost(), VmObserved(guest_total=984)).lost


def test_what_the_guest_left_offline_is_not_what_its_firmware_keeps() -> None:
    offline = replace(booted(virtio=256), guest_offline=128, guest_total=1024 + 128 - 40)
    vm = vm_after(offline)
    assert (vm.kept, vm.guest_offline, vm.visible) == (40, 128, 1280 - 128)
    online = vm_after(offline, VmObserved(guest_total=1280 - 40, guest_offline=0))
    assert (online.kept, online.guest_offline, online.visible) == (40, 0, 1280)


def test_what_the_guest_used_is_forgotten_when_what_it_is_assigned_is_told_to_be_another_size() -> None:
    measured = replace(booted(), in_use=439)
    other = VmObserved(devices=(DeviceFigures("balloon", Means.BALLOON, 256),))
    assert (vm_after(measured, other).assigned, vm_after(measured, other).in_use) == (256, None)
    assert vm_after(measured, VmObserved(assigned=256)).in_use is None
    assert vm_after(measured, VmObserved(assigned=256, in_use=200)).in_use == 200
    assert vm_after(measured, VmObserved(assigned=1024)).in_use == 439, "it is of the same size"


def test_after_a_checkpoint_was_applied_no_sum_has_a_size_of_before_it() -> None:
    taken, applied = VmCheckpoint(name="one", applied=False), VmCheckpoint(name="one", applied=True)
    restored = (booted(virtio=256, balloon=700), taken, applied, moved(256, 512))
    assert (vm_after(*restored).assigned, vm_after(*restored).high_watermark) == (None, 956)
    balloon = VmObserved(devices=(DeviceFigures("balloon", Means.BALLOON, 600),))
    assert vm_after(*restored, balloon).assigned == 600 + 512


def test_of_a_vm_before_its_first_event_nothing_is_known() -> None:
    vm = ObservedVm.begin("web01")
    figures = (vm.power, vm.session, vm.assigned, vm.visible, vm.in_use, vm.high_watermark, vm.held, vm.host)
    assert figures == (None,) * 8
    assert (vm.id, vm.name, vm.version, vm.requests_made, vm.lost, vm.removed) == ("web01", "web01", 0, 0, False, False)


def test_assigned_is_the_sum_over_devices() -> None:
    assert vm_after(booted(virtio=256)).assigned == 1280


def test_assigned_is_unknown_while_a_device_is() -> None:
    assert vm_after(booted(), VmObserved(devices=(DeviceFigures("vm1", Means.VIRTIO_MEM, None),))).assigned is None


def test_devices_beside_unknown_boot_memory_do_not_make_an_assigned() -> None:
    assert vm_after(VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 256),))).assigned is None


def test_a_balloon_leaves_the_guest_less_of_boot_memory_and_nothing_less_of_virtio_mem() -> None:
    vm = vm_after(booted(virtio=256, balloon=1024), moved(1024, 700, "balloon", Means.BALLOON))
    assert (vm.assigned, vm.ballooned) == (956, 324)


def test_a_module_makes_the_balloons_account_larger_and_not_the_balloon() -> None:
    vm = vm_after(booted(balloon=700), moved(0, 128, "pc-dimm", Means.PC_DIMM))
    assert (vm.assigned, vm.ballooned) == (828, 324)


def test_in_use_is_unknown_from_a_move_to_the_next_measure() -> None:
    measured = VmObserved(in_use=300)
    assert vm_after(booted(), measured).in_use == 300
    assert vm_after(booted(), measured, moved(0, 128)).in_use is None
    assert vm_after(booted(), measured, moved(0, 128), VmObserved(in_use=301)).in_use == 301


def test_each_figure_has_the_time_it_was_measured() -> None:
    vm = vm_after(booted(), VmObserved(in_use=300), moved(0, 128))
    assert (vm.measured["assigned"], vm.measured["in_use"], vm.measured["visible"]) == (at(3), at(2), at(1))


def test_visible_memory_moves_with_the_guests_own_count_from_the_first_of_the_session() -> None:
    vm = vm_after(booted(), moved(0, 128), VmObserved(guest_total=1024 - 40 + 128))
    assert (vm.kept, vm.visible) == (40, 1152)


def test_visible_memory_is_unknown_if_the_first_count_was_taken_with_a_balloon_inflated() -> None:
    assert vm_after(booted(balloon=700)).visible is None


def test_the_high_watermark_is_the_most_of_a_session() -> None:
    vm = vm_after(booted(), moved(0, 512), moved(512, 0))
    assert (vm.assigned, vm.high_watermark) == (1024, 1536)
    vm.apply(VmObserved(session=2), at(9))
    assert (vm.assigned, vm.high_watermark, vm.in_use, vm.visible) == (None, None, None, None)
    assert vm_after(VmObserved(assigned=0)).high_watermark == 0


def test_off_a_vm_has_nothing_but_holds_its_memory_until_its_process_is_gone() -> None:
    vm = vm_after(booted(virtio=256, backed=True), VmObserved(power=Power.OFF))
    assert (vm.assigned, vm.visible, vm.in_use, vm.high_watermark) == (0, 0, 0, 0)
    assert [vm.measured[name] for name in ("assigned", "visible", "in_use")] == [at(2)] * 3
    assert vm.held == 1280
    vm.apply(VmObserved(held=0), at(9))
    assert vm.held == 0
    vm.apply(VmObserved(power=Power.RUNNING, session=2, devices=booted(backed=True).devices), at(10))
    assert vm.held == 1024


def test_a_lost_guest_tells_nothing_any_more_but_its_vm_still_has_its_memory() -> None:
    vm = vm_after(booted(), VmObserved(in_use=300), VmLost())
    assert (vm.lost, vm.in_use, vm.visible, vm.assigned) == (True, None, None, 1024)


def test_a_request_counts_what_moved_towards_its_target() -> None:
    vm = vm_after(booted(), asked(1, 0, 512), moved(0, 128), moved(128, 64))
    request = vm.open_request("vm0")
    assert request is not None
    assert (request.granted, request.reached, vm.requests_made) == (64, False, 1)


def test_a_request_never_counts_more_than_was_asked_nor_less_than_nothing() -> None:
    over, under = (
        vm_after(booted(), asked(1, 0, 512), moved(0, 600)),
        vm_after(booted(5), asked(1, 5, 512), moved(5, 0)),
    )
    assert [vm.requests["vm0"].granted for vm in (over, under)] == [512, 0]


def test_a_settled_request_is_open_as_long_as_its_settlement_says() -> None:
    for still_open in (True, False):
        settlement = settled(1, still_open=still_open)
        vm = vm_after(booted(), asked(1, 0, 512), settlement)
        assert (vm.open_request("vm0") is not None) is still_open
        assert vm.requests["vm0"].settled == settlement


def test_the_fold_does_not_grow_with_its_history() -> None:
    vm = vm_after(booted())
    for number in range(1, 50):
        vm.apply(asked(number, 0, 512), at(number))
    assert (len(vm.requests), vm.requests_made) == (1, 49)


def test_what_a_balloon_lent_is_not_held_if_the_budget_backs_what_is_under_it() -> None:
    lent = moved(1024, 700, "balloon", Means.BALLOON)
    assert vm_after(booted(balloon=1024, backed=True), lent).held == 700
    assert vm_after(booted(balloon=1024, backed=False), lent).held == 0


def test_a_balloons_account_shrinks_with_a_module_and_is_unknown_where_it_cannot_have_been_so() -> None:
    began = booted(None, balloon=1024)
    vm = vm_after(began, moved(512, 128, "pc-dimm", Means.PC_DIMM))
    assert (vm.size("balloon"), vm.assigned) == (640, 640)
    vm = vm_after(began, moved(2048, 0, "pc-dimm", Means.PC_DIMM))
    assert (vm.size("balloon"), vm.assigned) == (None, None)


def test_of_a_vm_whose_balloon_alone_is_known_that_is_what_it_has_and_what_it_holds_is_unknown() -> None:
    vm = vm_after(VmObserved(devices=(DeviceFigures("balloon", Means.BALLOON, 512),)))
    assert (vm.assigned, vm.held) == (512, None)
