"""What a record measured of a VM: its guest's own figures, and what QEMU says of its devices. Sizes are bytes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.observed.devices import Accounts
from domain.observed.events import Means
from domain.quantities import LARGEST

Size = Annotated[int, Field(ge=0, le=LARGEST)]


class Shape(BaseModel):
    """Common to all shapes."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class GuestMemory(Shape):
    """What the guest's kernel says of its memory."""

    mem_total: Size | None = None
    mem_available: Size | None = None
    memory_block_size: Size | None = None
    memory_blocks_offline: Annotated[int, Field(ge=0, le=LARGEST)] | None = None

    @property
    def offline(self) -> int | None:
        """Bytes that the guest has but left offline, if that can be a size."""
        if self.memory_blocks_offline is None or self.memory_block_size is None:
            return None
        offline = self.memory_blocks_offline * self.memory_block_size
        return offline if offline <= LARGEST else None


class SizeSummary(Shape):
    """QEMU's own account of a VM."""

    base: Size | None = Field(None, alias="base-memory")
    plugged: Size | None = Field(None, alias="plugged-memory")


class MemoryDeviceData(Shape):
    """A memory device: only virtio-mem's is needed; modules are what is plugged less virtio-mem."""

    id: str | None = None
    size: Size | None = None
    maximum: Size | None = Field(None, alias="max-size")


class MemoryDevice(Shape):
    """A memory device and its kind."""

    type: str
    data: MemoryDeviceData


class Devices(Shape):
    """What QEMU says of a VM's devices; ``None`` where it was not asked."""

    size_summary: SizeSummary | None = None
    memory_devices: tuple[MemoryDevice, ...] | None = None
    balloon_actual: Size | None = None


class Measure(Shape):
    """A measure of one VM; its parts are read one after the other, within tens of milliseconds."""

    guest: GuestMemory | None = None
    device: Devices | None = None


def is_whole(measure: Measure) -> bool:
    """Whether a measure tells of all devices that there are."""
    device = measure.device
    return device is not None and device.memory_devices is not None and device.size_summary is not None


def adds_up(measure: Measure, known: Accounts, told: Accounts) -> bool:
    """Whether what is known of plugged memory is as much as a measure says there is."""
    summary = None if measure.device is None else measure.device.size_summary
    if summary is None or summary.plugged is None:
        return measure.device is None
    plugged = [a.size for a in {**known, **told}.values() if a.means in (Means.VIRTIO_MEM, Means.PC_DIMM)]
    return sum(size or 0 for size in plugged) == summary.plugged


def same(one: GuestMemory, other: GuestMemory | None) -> bool:
    """Whether two measures of a guest tell the same."""
    return other is not None and (one.mem_total, one.mem_available) == (other.mem_total, other.mem_available)
