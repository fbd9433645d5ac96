"""The sizes that a record tells, as sizes of one VM's devices.

Some records name only the mechanism, and a module's size is told as all that is plugged, virtio-mem included: what was
told before says which device is meant, and how much of it is modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.errors import InputError
from domain.observed import BASE_MEMORY, Means
from domain.quantities import LARGEST
from nilometer.importers.qemu_records import Command, Measure, QmpEvent, as_object

BALLOON: Final = "balloon"
MODULES: Final = "pc-dimm"
"""All plugged modules together."""
_NO_VIRTIO: Final = (BASE_MEMORY, BALLOON, MODULES)

SIZE_EVENTS: Final = ("MEMORY_DEVICE_SIZE_CHANGE", "BALLOON_CHANGE")
"""The QMP events that tell a size; there is none for modules."""

Sizes = Mapping[str, int]


def means_of(device: str) -> Means:
    """What kind of device one is, by the name that it has here."""
    return {BASE_MEMORY: Means.BOOT, BALLOON: Means.BALLOON, MODULES: Means.PC_DIMM}.get(device, Means.VIRTIO_MEM)


def tells_by_event(device: str) -> bool:
    """Whether QEMU has an event for this device's size."""
    return device not in (BASE_MEMORY, MODULES)


class Naming:
    """How the devices of one VM are called: virtio-mem by its id, as far as that is known."""

    def __init__(self) -> None:
        self.virtio = "virtio-mem"

    def in_measure(self, measure: Measure | None, known: Sizes) -> dict[str, int]:
        """All sizes that a measure tells."""
        device = None if measure is None else measure.device
        if device is None:
            return {}
        sizes: dict[str, int] = {}
        for memory in device.memory_devices or ():
            if memory.type == Means.VIRTIO_MEM and memory.data.size is not None:
                name = memory.data.id or self.virtio
                if name in _NO_VIRTIO:
                    name = f"virtio-mem {name}"
                if not sizes:
                    self.virtio = self.virtio if self.virtio in known else name
                sizes[name] = memory.data.size
        if device.size_summary is not None:
            modules = device.size_summary.plugged - sum(sizes.values())
            if device.memory_devices is not None and modules >= 0 and (modules or MODULES in known):
                sizes[MODULES] = modules
            sizes[BASE_MEMORY] = device.size_summary.base
        if device.balloon_actual is not None:
            sizes[BALLOON] = device.balloon_actual
        return sizes

    def by_mechanism(self, mechanism: str, size: int, known: Sizes) -> dict[str, int]:
        """A size that is told by its mechanism alone."""
        if mechanism == Means.VIRTIO_MEM:
            return {self.virtio: size}
        if mechanism == Means.BALLOON:
            return {BALLOON: size}
        modules = size - sum(other for device, other in known.items() if device not in _NO_VIRTIO)
        return {MODULES: modules} if modules >= 0 else {}

    def target(self, command: Command, known: Sizes) -> dict[str, int]:
        """The device that a command is about, and the size that was asked for; empty if it asked for no size."""
        if command.requested is None:
            return {}
        if command.mechanism == "virtio-mem":
            path = as_object(command.qmp.get("arguments")).get("path")
            name = str(path).rpartition("/")[2] if isinstance(path, str) else ""
            if name and name not in _NO_VIRTIO:
                self.virtio = name
        return self.by_mechanism(command.mechanism, command.requested, known)

    def by_event(self, record: QmpEvent) -> dict[str, int]:
        """The size that a QMP event tells, if it tells one. Raises ``InputError`` if it should but does not."""
        if record.qmp.event not in SIZE_EVENTS:
            return {}
        data = record.qmp.data or {}
        balloon = record.qmp.event == "BALLOON_CHANGE"
        size, name = data.get("actual" if balloon else "size"), data.get("id", self.virtio)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= LARGEST or not isinstance(name, str):
            raise InputError(
                f"qmp.data: {record.qmp.event} tells no size", hint="is the recording whole, as QEMU told it?"
            )
        return {BALLOON: size} if balloon else {name if name not in _NO_VIRTIO else f"virtio-mem {name}": size}
