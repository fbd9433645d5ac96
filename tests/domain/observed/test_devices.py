"""The memory devices of an observed VM, and what they come to together. Sizes are MiB here."""

from __future__ import annotations

import pytest

from domain.observed.devices import DeviceAccount, assigned_of, balloon_of, held_of, lent_of
from domain.observed.words import BASE_MEMORY, Means


def boot(size: int | None, *, backed: bool | None = None) -> DeviceAccount:
    return DeviceAccount(Means.BOOT, size, backed=backed)


def virtio(size: int | None, *, backed: bool | None = None) -> DeviceAccount:
    return DeviceAccount(Means.VIRTIO_MEM, size, backed=backed)


def module(size: int | None, *, backed: bool | None = None) -> DeviceAccount:
    return DeviceAccount(Means.PC_DIMM, size, backed=backed)


def balloon(size: int | None) -> DeviceAccount:
    return DeviceAccount(Means.BALLOON, size)


def devices(base: DeviceAccount | None, *others: DeviceAccount) -> dict[str, DeviceAccount]:
    """The devices of a VM; the first is what it boots with, if that is known."""
    named = {f"device{number}": account for number, account in enumerate(others)}
    return named if base is None else {BASE_MEMORY: base, **named}


def test_a_balloon_is_found_wherever_it_stands() -> None:
    last = balloon(700)
    assert balloon_of(devices(boot(1024), virtio(256), last)) is last
    assert balloon_of(devices(boot(1024), virtio(256))) is None


@pytest.mark.parametrize(
    ("accounts", "assigned"),
    [
        ({}, None),
        (devices(boot(1024)), 1024),
        (devices(boot(1024), virtio(256), module(128)), 1408),
        (devices(boot(None), virtio(256)), None),
        (devices(boot(1024), virtio(None)), None),
        (devices(boot(0)), 0),
        (devices(None, virtio(256)), None),
        (devices(None, virtio(256), balloon(700)), 956),
        (devices(None, DeviceAccount(None, 4096)), 4096),
        (devices(None, DeviceAccount(None, 4096), virtio(256)), None),
        (devices(boot(1024), module(128), virtio(256), balloon(900)), 1156),
        (devices(boot(None), module(None), balloon(900)), 900),
        (devices(boot(1024), balloon(None)), None),
    ],
)
def test_a_vm_is_assigned_what_its_devices_have_and_a_balloon_stands_for_boot_memory_and_modules(
    accounts: dict[str, DeviceAccount], assigned: int | None
) -> None:
    assert assigned_of(accounts) == assigned


@pytest.mark.parametrize(
    ("accounts", "lent"),
    [
        (devices(boot(1024)), 0),
        (devices(boot(None)), 0),
        (devices(boot(1024), balloon(1024)), 0),
        (devices(boot(1024), virtio(256), balloon(700)), 324),
        (devices(boot(1024), module(128), balloon(700)), 452),
        (devices(boot(None), balloon(700)), None),
        (devices(boot(1024), module(None), balloon(700)), None),
        (devices(boot(1024), balloon(None)), None),
        (devices(None, module(128), balloon(100)), None),
    ],
)
def test_a_balloon_lends_what_it_leaves_less_of_what_is_under_it(
    accounts: dict[str, DeviceAccount], lent: int | None
) -> None:
    assert lent_of(accounts) == lent


@pytest.mark.parametrize(
    ("accounts", "held"),
    [
        (devices(boot(1024, backed=True), virtio(256, backed=True)), 1280),
        (devices(boot(1024, backed=False), virtio(256, backed=True)), 256),
        (devices(boot(1024, backed=True), virtio(256, backed=False)), 1024),
        (devices(boot(1024, backed=False), virtio(None, backed=False)), 0),
        (devices(boot(1024, backed=True), virtio(0)), 1024),
        (devices(boot(1024), virtio(256, backed=True)), None),
        (devices(boot(1024, backed=True), virtio(None, backed=True)), None),
        (devices(None, virtio(256, backed=True)), 256),
        (devices(None, virtio(256, backed=True), balloon(700)), None),
        (devices(boot(1024, backed=True), balloon(700)), 700),
        (devices(boot(1024, backed=True), virtio(256, backed=True), balloon(700)), 956),
        (devices(boot(1024, backed=True), balloon(1024)), 1024),
        (devices(boot(1024, backed=True), balloon(None)), None),
        (devices(boot(1024, backed=False), balloon(None)), 0),
        (devices(boot(1024, backed=False), virtio(256, backed=True), balloon(700)), 256),
        (devices(boot(1024, backed=True), module(128, backed=True), balloon(1000)), 1000),
        (devices(boot(1024, backed=True), module(128, backed=False), balloon(1000)), None),
        (devices(boot(1024, backed=True), module(128, backed=False), balloon(1152)), 1024),
        (devices(boot(1024, backed=False), module(128, backed=False), balloon(1000)), 0),
    ],
)
def test_a_vm_holds_what_the_budget_backs_less_what_a_balloon_lent_of_it(
    accounts: dict[str, DeviceAccount], held: int | None
) -> None:
    assert held_of(accounts) == held
