"""What is known of an observed VM's guest: what it used, how old that is, and whether the VM can be resized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.decision import Code
from domain.guests import resizes_at_runtime
from domain.identifiers import UtcTime, seconds_between
from domain.observed.host import ObservedHost
from domain.observed.polls import PollFigures
from domain.observed.vm import ObservedVm
from domain.observed.words import Means
from domain.quantities import FLOOR
from domain.settings import Mode, knows_runtime_resize
from domain.state import Power
from projections.fleet import Fleet

FRESH_SECONDS: Final = 300
"""A figure that is not older than this is taken as it is."""
QEMU: Final = "QEMU"
"""How the name of that hypervisor begins, as imports name it."""
NO_POLLS: Final[Mapping[str, PollFigures]] = {}
POWERED: Final = (Power.RUNNING, Power.PAUSED)
"""A VM that has memory of its host."""


def is_driven(vm: ObservedVm) -> bool:
    """Whether a VM runs where ``nilo drive`` can resize it; nothing else sizes it there."""
    return (vm.hypervisor or "").startswith(QEMU)


def is_fresh(measured: UtcTime | None, now: UtcTime) -> bool:
    """Whether a figure is taken as it is: it was measured at most five minutes ago."""
    return measured is not None and 0 <= seconds_between(measured, now) <= FRESH_SECONDS


def find_refusal(vm: ObservedVm) -> Code | None:
    """Why the memory of an observed VM cannot be resized while it runs, as far as is known; ``None`` if it can be."""
    if vm.power is Power.PAUSED:
        return Code.WRONG_POWER_STATE
    if is_driven(vm):
        return None
    if vm.memory is not None and vm.memory.mode is Mode.DYNAMIC:
        return Code.DYNAMIC_MEMORY_ENABLED
    if vm.guest is not None and not resizes_at_runtime(vm.guest):
        return Code.GUEST_CANNOT_RESIZE
    if vm.config_version is not None and not knows_runtime_resize(vm.config_version):
        return Code.CONFIGURATION_VERSION
    return None


@dataclass(frozen=True, slots=True)
class GuestUse:
    """What a guest used when it was last measured, after the last move. Sizes are bytes."""

    assigned: int
    in_use: int
    at: UtcTime
    floor: int
    """What the VM keeps whatever its guest uses."""

    @property
    def removable(self) -> int:
        """What its guest does not use, above what the VM keeps."""
        return max(0, self.assigned - max(self.in_use, self.floor))


def find_use(fleet: Fleet, vm: ObservedVm, polls: Mapping[str, PollFigures] = NO_POLLS) -> GuestUse | None:
    """What a guest used when it was last measured; ``None`` if that was not since its memory last moved.

    Events record what a guest uses only where that is news. ``polls`` has the newest poll of each VM that is at hand.
    """
    floor = find_floor(vm)
    host = fleet.hosts.get(vm.host or "")
    newest = host.subject.newest.get(vm.id) if host is not None and isinstance(host.subject, ObservedHost) else None
    poll = polls.get(vm.id)
    if poll is not None and (newest is None or poll.at >= newest.at):
        newest = poll
    if newest is not None and newest.at > vm.measured.get("assigned", ""):
        if newest.in_use is not None:
            return GuestUse(assigned=newest.assigned, in_use=newest.in_use, at=newest.at, floor=floor)
        if newest.assigned != vm.assigned:
            return None
    measured = vm.measured.get("in_use")
    if vm.in_use is None or vm.assigned is None or measured is None:
        return None
    return GuestUse(assigned=vm.assigned, in_use=vm.in_use, at=measured, floor=floor)


def find_floor(vm: ObservedVm) -> int:
    """The least that a VM keeps: 32 MiB, or what a guest of QEMU has beside its virtio-mem devices."""
    sizes = [account.size for account in vm.accounts.values() if account.means is Means.VIRTIO_MEM]
    if not is_driven(vm) or not sizes or vm.assigned is None:
        return FLOOR
    return max(FLOOR, vm.assigned - sum(size or 0 for size in sizes))
