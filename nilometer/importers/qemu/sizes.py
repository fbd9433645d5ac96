"""The sizes that a record tells, as sizes of one VM's devices.

Some records name only the mechanism, and a module's size is told as all that is plugged, virtio-mem included: what was
told before says which device is meant, and how much of it is modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from domain.errors import InputError
from domain.observed.events import BASE_MEMORY, Means
from domain.quantities import LARGEST
from nilometer.importers.qemu.measures import DeviceMeasures, Measure, MemoryDeviceData
from nilometer.importers.qemu.records import CommandRecord, QemuRecord, QmpEventRecord, as_object

BALLOON: Final = "balloon"
MODULES: Final = "pc-dimm"
"""All plugged modules together."""
NAMELESS: Final = "virtio-mem"
"""The name of a virtio-mem device that was told of before anybody named it."""
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


def size_told(record: QemuRecord) -> int | None:
    """The size that a QMP event tells, if it is one that does. Raises ``InputError`` if it should but does not."""
    if not isinstance(record, QmpEventRecord) or record.qmp.event not in SIZE_EVENTS:
        return None
    data = record.qmp.data or {}
    size, name = data.get("actual" if record.qmp.event == "BALLOON_CHANGE" else "size"), data.get("id", "")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= LARGEST or not isinstance(name, str):
        raise InputError(f"qmp.data: {record.qmp.event} tells no size", hint="is the recording whole, as QEMU told it?")
    return size


class DeviceNames:
    """How the devices of one VM are called: virtio-mem by its id, as far as that is known."""

    def __init__(self) -> None:
        self.virtio = NAMELESS
        """The device that is meant where none is named: the last that a command was about, or the first."""
        self._names: dict[str, str] = {}
        """What the virtio-mem devices are called here, by their ids."""
        self._nameless = False
        """A device was told of that nobody had named."""

    def in_measure(self, measure: Measure | None, known: Sizes) -> dict[str, int]:
        """All sizes that a measure tells."""
        device = None if measure is None else measure.device
        if device is None:
            return {}
        sizes: dict[str, int] = {}
        for name, data in self._virtio_mem(device):
            if not sizes:
                self.virtio = self.virtio if self.virtio in known else name
            if data.size is not None:
                sizes[name] = data.size
        summary = device.size_summary
        if summary is not None and summary.plugged is not None and device.memory_devices is not None:
            modules = summary.plugged - sum(sizes.values())
            if modules >= 0 and (modules or MODULES in known):
                sizes[MODULES] = modules
        if summary is not None and summary.base is not None:
            sizes[BASE_MEMORY] = summary.base
        if device.balloon_actual is not None:
            sizes[BALLOON] = device.balloon_actual
        return sizes

    def largest(self, measure: Measure | None) -> dict[str, int]:
        """How large the devices that a measure tells can be, where it says so."""
        device = None if measure is None else measure.device
        told = () if device is None else self._virtio_mem(device)
        return {name: data.maximum for name, data in told if data.maximum is not None}

    def by_mechanism(self, mechanism: str | None, size: int, known: Sizes, device: str | None = None) -> dict[str, int]:
        """A size that is told by its mechanism alone; of several virtio-mem devices, ``device`` is the one."""
        if mechanism == Means.VIRTIO_MEM:
            if device is None and len(set(self._names.values())) > 1:
                return {}  # whose size it is was not said
            self._nameless = self._nameless or (device or self.virtio) == NAMELESS
            return {device or self.virtio: size}
        if mechanism == Means.BALLOON:
            return {BALLOON: size}
        modules = size - sum(other for device, other in known.items() if device not in _NO_VIRTIO)
        return {MODULES: modules} if mechanism == Means.PC_DIMM and modules >= 0 else {}

    def target(self, command: CommandRecord, known: Sizes) -> dict[str, int]:
        """The device that a command is about, and the size that was asked for; empty if it asked for no size."""
        if command.requested is None:
            return {}
        if command.mechanism == Means.VIRTIO_MEM:
            path = as_object(as_object(command.qmp).get("arguments")).get("path")
            self.virtio = self._named(_last_part(path)) or self.virtio
        return self.by_mechanism(command.mechanism, command.requested, known, self.virtio)

    def by_event(self, record: QmpEventRecord) -> dict[str, int]:
        """The size that a QMP event tells, if it tells one."""
        size = size_told(record)
        if size is None:
            return {}
        if record.qmp.event == "BALLOON_CHANGE":
            return {BALLOON: size}
        data = record.qmp.data or {}
        named = self._named(data.get("id")) or self._named(_last_part(data.get("qom-path")))
        return {named: size} if named else self.by_mechanism(Means.VIRTIO_MEM, size, {})

    def _virtio_mem(self, device: DeviceMeasures) -> Iterator[tuple[str, MemoryDeviceData]]:
        """The virtio-mem devices of a measure, each with its name here."""
        used = set[str]()
        for memory in device.memory_devices or ():
            if memory.type == Means.VIRTIO_MEM:
                name = self._named(memory.data.id) or self._names.setdefault("", self.virtio)
                while name in used:  # another without an id
                    name = self._names.setdefault(f"{name} and", f"{name} and")
                used.add(name)
                yield name, memory.data

    def _named(self, id: object) -> str | None:
        """What a device is called here, by its id. The first that is named was the nameless one, if there was one."""
        if not isinstance(id, str) or not id:
            return None
        if id not in self._names:
            taken = NAMELESS in self._names.values()
            own = id if id not in _NO_VIRTIO else f"virtio-mem {id}"
            self._names[id] = NAMELESS if self._nameless and not taken else own
        return self._names[id]


def _last_part(path: object) -> str | None:
    """A device's id, from its path in QEMU."""
    return path.rpartition("/")[2] if isinstance(path, str) else None
