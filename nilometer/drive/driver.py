"""What a driver of a hypervisor can do. QMP is the first; whatever has these five verbs can be another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.errors import InputError, NilometerError
from domain.identifiers import UtcTime
from domain.observed.words import Means

Message = dict[str, Any]
"""A message of a hypervisor, as it is."""


class CannotBeAsked(InputError):
    """The hypervisor cannot be asked for this: nothing was sent."""


class LineBroken(NilometerError):
    """The line to the hypervisor broke: what happens there from now on is not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluggedDevice:
    """A memory device of a running VM. Sizes are bytes."""

    id: str | None
    means: Means
    size: int
    maximum: int | None = None
    block: int | None = None
    """Its size is always a multiple of this."""
    target: int | None = None
    """What it was last told to be, where it says that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReading:
    """What a hypervisor and a guest say of a VM's memory, read at one time. Sizes are bytes."""

    at: UtcTime
    base: int
    """What it boots with."""
    devices: tuple[PluggedDevice, ...]
    balloon: int | None
    """What the balloon leaves to the guest of boot memory and modules; ``None`` if there is none."""
    available: int | None
    """What the guest can give up, by a figure that is newer than the last change of its memory."""
    measure: Message
    """All that was read, as evidence has it."""

    @property
    def modules(self) -> int:
        """The memory in modules."""
        return sum(device.size for device in self.devices if device.means is Means.PC_DIMM)

    @property
    def virtio(self) -> int:
        """The memory that virtio-mem plugged."""
        return sum(device.size for device in self.devices if device.means is Means.VIRTIO_MEM)

    @property
    def assigned(self) -> int:
        """What the VM has."""
        return (self.base + self.modules if self.balloon is None else self.balloon) + self.virtio

    @property
    def in_use(self) -> int | None:
        """What the guest cannot give up."""
        return None if self.available is None else max(0, self.assigned - self.available)

    def size_of(self, change: DeviceChange) -> int:
        """The size that a change is about, as evidence has it: of modules, all that is plugged."""
        if change.means is Means.BALLOON:
            return self.balloon or 0
        if change.means is Means.PC_DIMM:
            return self.modules + self.virtio
        return sum(device.size for device in self.devices if device.id == change.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """One change that a hypervisor can be asked for. Sizes are bytes."""

    means: Means
    device: str | None
    """The device's id there; of a module, the one that is to be made or unplugged."""
    size_from: int
    target: int
    """Sizes as evidence has them: of modules, all that is plugged."""
    told: int | None = None
    """What the device was last told to be, where it says that."""
    messages: tuple[Message, ...]
    """What is sent, in order. The last one is the request; what is before it only prepares."""
    undo: tuple[Message, ...] = ()
    """What is sent if the request is refused: it takes back what was prepared."""
    tidy: tuple[Message, ...] = ()
    """What is sent once the target is reached: it gives back what is no longer needed."""

    @property
    def amount(self) -> int:
        """How much is to move."""
        return abs(self.target - self.size_from)

    @property
    def gives(self) -> bool:
        """Whether the guest is to get memory."""
        return self.target > self.size_from


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverAnswer:
    """How a hypervisor answered."""

    accepted: bool | None
    """``None``: the line broke before an answer came."""
    reply: Message | None = None
    """Word for word."""
    error: str | None = None
    """Why it refused, or how the line broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Which VM a driver is attached to, and what can be asked of it."""

    name: str | None
    uuid: str | None
    process: str | None
    """Names the process of the hypervisor: another one has another name."""
    status: str
    """The hypervisor's own word for the VM's state."""
    incoming: bool
    """The VM was migrated here."""
    version: Message
    deflate_on_oom: bool | None
    """Whether the balloon deflates when the guest runs out of memory; ``None`` if there is no balloon."""
    reports: bool
    """The guest reports what it has available."""


class Driver(Protocol):
    """Speaks to the hypervisor of one VM. Every verb raises ``LineBroken`` if the line breaks."""

    async def capabilities(self) -> Capabilities:
        """Attaches, and says to what. Raises ``CannotBeAsked`` where nobody answers."""
        ...

    async def observe(self, since: UtcTime | None = None, *, sizes_only: bool = False) -> MemoryReading:
        """Reads what there is now. A guest's figure that is not newer than ``since`` is left out."""
        ...

    async def request(self, message: Mapping[str, Any]) -> DriverAnswer:
        """Sends one message of a change, and waits for its answer. It alone never raises ``LineBroken``."""
        ...

    async def event(self, seconds: float) -> Message | None:
        """The next event, word for word; ``None`` if none comes in this time."""
        ...

    async def close(self) -> None:
        """Lets go of the VM, as it was found."""
        ...
