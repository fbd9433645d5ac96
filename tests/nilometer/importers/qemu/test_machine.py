"""What a budget of files backs: only memory that lies in a file, and is taken when it is given."""

from __future__ import annotations

import pytest

from nilometer.importers.qemu.machine import read_machine

FILE = "memory-backend-file,id=vmem0,size=768M,mem-path=pool,share=on,reserve=off"
VIRTIO = "virtio-mem-pci,id=vm0,memdev=vmem0,requested-size=0"


@pytest.mark.parametrize(
    ("argv", "backed"),
    [
        (("-object", FILE, "-device", f"{VIRTIO},prealloc=on"), True),
        (("-object", f"{FILE},prealloc=on", "-device", VIRTIO), True),
        (("-mem-prealloc", "-object", FILE, "-device", VIRTIO), True),
        (("-object", FILE, "-device", VIRTIO), None),  # taken as the guest touches it: nobody knows how much
        (("-object", f"{FILE},prealloc=off", "-device", VIRTIO), None),
        (("-object", "memory-backend-ram,id=vmem0,size=768M", "-device", f"{VIRTIO},prealloc=on"), False),
        (("-device", VIRTIO), None),
    ],
)
def test_a_device_takes_of_the_budget_only_if_its_file_is_filled(argv: tuple[str, ...], backed: bool | None) -> None:
    assert read_machine(argv).in_file("vm0") is backed


@pytest.mark.parametrize(
    ("argv", "backed"),
    [
        (("-m", "256M"), False),
        (("-m", "256M", "-mem-path", "pool"), None),
        (("-m", "256M", "-mem-prealloc", "-mem-path", "pool"), True),
        (("-M", "q35,memory-backend=b", "-object", "memory-backend-file,id=b,size=256M,mem-path=p,prealloc=on"), True),
        (("-M", "q35,memory-backend=b", "-object", "memory-backend-file,id=b,size=256M,mem-path=p"), None),
    ],
)
def test_what_a_vm_boots_with_takes_of_the_budget_only_if_its_file_is_filled(
    argv: tuple[str, ...], backed: bool | None
) -> None:
    assert read_machine(argv).base_in_file is backed
