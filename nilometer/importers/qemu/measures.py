"""The measurements in a record: the guest's own figures, and what QEMU reports of its devices. Sizes are bytes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.observed.devices import Accounts
from domain.observed.words import Means
from domain.quantities import LARGEST

Size = Annotated[int, Field(ge=0, le=LARGEST)]


class QemuModel(BaseModel):
    """The base of all shapes in a recording: unknown keys are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class GuestMemory(QemuModel):
    """What the guest's kernel reports of its memory."""

    mem_total: Size | None = None
    mem_available: Size | None = None
    memory_block_size: Size | None = None
    memory_blocks_offline: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    uptime_s: Annotated[float, Field(ge=0, le=LARGEST)] | None = None
    """Seconds since the guest booted."""

    @property
    def offline(self) -> int | None:
        """Bytes that the guest has but left offline, if that can be a size."""
        if self.memory_blocks_offline is None or self.memory_block_size is None:
            return None
        offline = self.memory_blocks_offline * self.memory_block_size
        return offline if offline <= LARGEST else None

    def in_use_of(self, assigned: int) -> int | None:
        """What the guest uses of what it is assigned: all that it has online, less what it reports as available."""
        if self.mem_available is None:
            return None
        in_use = assigned - (self.offline or 0) - self.mem_available
        return in_use if in_use >= 0 else None


class SizeSummary(QemuModel):
    """QEMU's own summary of a VM's memory."""

    base: Size | None = Field(None, alias="base-memory")
    plugged: Size | None = Field(None, alias="plugged-memory")


class MemoryDeviceData(QemuModel):
    """A memory device. Only virtio-mem is needed: the modules are what is plugged, less virtio-mem."""

    id: str | None = None
    size: Size | None = None
    maximum: Size | None = Field(None, alias="max-size")
    requested: Size | None = Field(None, alias="requested-size")


class MemoryDevice(QemuModel):
    """A memory device, and its kind."""

    type: str
    data: MemoryDeviceData


class DeviceMeasures(QemuModel):
    """What QEMU reports of a VM's devices; ``None`` where it was not asked."""

    size_summary: SizeSummary | None = None
    memory_devices: tuple[MemoryDevice, ...] | None = None
    balloon_actual: Size | None = None


class Measure(QemuModel):
    """A measurement of one VM. Its parts are read one after the other, within tens of milliseconds."""

    guest: GuestMemory | None = None
    device: DeviceMeasures | None = None


def is_whole(measure: Measure) -> bool:
    """Whether a measurement covers all devices of the VM."""
    device = measure.device
    return device is not None and device.memory_devices is not None and device.size_summary is not None


def adds_up(measure: Measure, known: Accounts, measured: Accounts) -> bool:
    """Whether the known sizes of plugged memory add up to what a measurement says is plugged."""
    summary = None if measure.device is None else measure.device.size_summary
    if summary is None or summary.plugged is None:
        return measure.device is None
    accounts = {**known, **measured}.values()
    sizes = [account.size for account in accounts if account.means in (Means.VIRTIO_MEM, Means.PC_DIMM)]
    return sum(size or 0 for size in sizes) == summary.plugged


def is_all_under_the_balloon(measure: Measure, known: Accounts) -> bool:
    """Whether the guest sees no more than its balloon's account has, and no other device is known.

    libvirt reports no more of a VM than these two.
    """
    device, guest = measure.device, measure.guest
    if device is None or device.balloon_actual is None or device.size_summary is not None or guest is None:
        return False
    is_alone = all(account.means is Means.BALLOON for account in known.values())
    return is_alone and guest.mem_total is not None and guest.mem_total <= device.balloon_actual


def is_same_guest_memory(one: GuestMemory, other: GuestMemory | None) -> bool:
    """Whether two measurements of a guest have the same figures."""
    return other is not None and (one.mem_total, one.mem_available) == (other.mem_total, other.mem_available)
