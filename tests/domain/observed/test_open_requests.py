"""Requests for a device of an observed VM: which are open, and what has come of them. Sizes are MiB here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.identifiers import UtcTime
from domain.observed.events import (
    DeviceFigures,
    VmObserved,
)
from domain.observed.vm import ObservedVm, OpenRequest
from domain.observed.words import Means
from tests.domain.observed.test_vm import asked, at, booted, moved, settled, vm_after


def one(size_from: int | None, target: int, size: int | None, amount: int | None = 512) -> OpenRequest:
    return OpenRequest(
        number=1,
        device="vm0",
        size_from=size_from,
        target=target,
        amount=amount,
        asked_at=at(0),
        asked_after=None,
        size=size,
    )


@pytest.mark.parametrize(
    ("size_from", "target", "size", "granted", "beyond"),
    [
        (0, 512, 0, 0, None),
        (0, 512, 128, 128, None),
        (0, 512, 512, 512, None),
        (0, 512, 600, 512, 88),
        (512, 0, 600, 0, None),
        (512, 0, 128, 384, None),
        (600, 88, 40, 512, 48),
        (0, 512, 513, 512, 1),
        (512, 512, 600, 0, None),
        (512, 512, 400, 112, None),
        (None, 512, 600, None, None),
        (0, 512, None, None, None),
    ],
)
def test_what_is_granted_is_what_moved_towards_the_target_and_no_more(
    size_from: int | None, target: int, size: int | None, granted: int | None, beyond: int | None
) -> None:
    request = one(size_from, target, size)
    assert (request.granted, request.beyond, request.reached) == (granted, beyond, size == target)


def test_of_an_unknown_amount_nothing_is_known_to_be_granted() -> None:
    assert one(0, 512, 128, amount=None).granted is None


def test_a_move_serves_a_request_whose_target_it_comes_nearer_to() -> None:
    request = one(0, 512, 0)
    assert request.serves(0, 128)
    assert request.serves(600, 500)
    assert not request.serves(128, 0)
    assert not request.serves(500, 524)


def test_a_refused_request_is_counted_and_leaves_the_last_one_open() -> None:
    refused = replace(asked(2, 0, 1024), accepted=False)
    vm = vm_after(booted(), asked(1, 0, 512), refused)
    assert (vm.requests["vm0"].number, vm.requests_made) == (1, 2)
    unanswered = replace(asked(2, 0, 1024), accepted=None)
    assert vm_after(booted(), asked(1, 0, 512), unanswered).requests["vm0"].number == 2


def test_requests_are_counted_by_the_largest_of_their_numbers() -> None:
    assert vm_after(booted(), asked(3, 0, 512), asked(2, 0, 1024)).requests_made == 3


def test_a_request_has_what_was_asked_when_and_from_which_size() -> None:
    vm = ObservedVm.begin("web01")
    vm.apply(asked(1, 256, 512), at(5), at(3))
    request = vm.requests["vm0"]
    assert (request.number, request.device, request.size_from, request.target, request.amount) == (
        1,
        "vm0",
        256,
        512,
        256,
    )
    assert (request.asked_at, request.asked_after, request.size, request.still_open) == (at(5), at(3), 256, True)


@pytest.mark.parametrize(("minute", "second", "known"), [(0, 1, True), (1, 30, True), (1, 31, False), (0, 0, True)])
def test_what_the_guest_used_just_before_is_kept_with_a_request(minute: int, second: int, known: bool) -> None:
    vm = ObservedVm.begin("web01")
    vm.apply(replace(booted(), in_use=300), at(0))
    vm.apply(asked(1, 0, 512), UtcTime(f"2026-11-23T09:{minute:02}:{second:02}.000000Z"))
    assert vm.requests["vm0"].in_use_before == (300 if known else None)


def test_what_it_used_afterwards_or_never_was_measured_is_not() -> None:
    vm = ObservedVm.begin("web01")
    vm.apply(replace(booted(), in_use=300), at(9))
    vm.apply(asked(1, 0, 512), at(8))
    assert vm.requests["vm0"].in_use_before is None
    assert vm_after(booted(), asked(1, 0, 512)).requests["vm0"].in_use_before is None


def test_a_settlement_is_of_the_request_that_it_names() -> None:
    for other in (settled(1), settled(2, "vm1")):
        vm = vm_after(booted(), asked(2, 0, 512), other)
        assert (vm.requests["vm0"].settled, vm.open_request("vm0")) == (None, vm.requests["vm0"])
    vm = vm_after(booted(), asked(2, 0, 512), settled(2))
    assert (vm.requests["vm0"].settled_at, vm.open_request("vm0"), vm.open_request("vm1")) == (at(3), None, None)


def test_an_open_request_follows_its_device_and_a_closed_one_does_not() -> None:
    seen = VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, 384),))
    unknown = VmObserved(devices=(DeviceFigures("vm0", Means.VIRTIO_MEM, None),))
    assert vm_after(booted(), asked(1, 0, 512), seen, unknown).requests["vm0"].size == 384
    assert vm_after(booted(), asked(1, 0, 512), moved(0, 128), settled(1), seen).requests["vm0"].size == 128
    assert vm_after(booted(), asked(1, 0, 512), settled(1), moved(0, 128)).requests["vm0"].size == 0
    assert vm_after(booted(), asked(1, 0, 512), moved(0, 128, "vm1")).requests["vm0"].size == 0
