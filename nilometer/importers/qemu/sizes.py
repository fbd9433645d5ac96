"""The sizes that a record reports, by device of its VM.

Some records name only the mechanism, and report a module's size as all that is plugged, virtio-mem included: what was
read before shows which device is meant, and how much of it is modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.errors import InputError
from domain.observed.words import BASE_MEMORY, Means
from domain.quantities import LARGEST
from nilometer.importers.qemu.measures import DeviceMeasures, Measure, MemoryDeviceData
from nilometer.importers.qemu.records import CommandRecord, IntentRecord, QemuRecord, QmpEventRecord, as_object

BALLOON: Final = "balloon"
MODULES: Final = "pc-dimm"
"""All plugged modules together."""
NAMELESS: Final = "virtio-mem"
"""The name of a virtio-mem device that appears before it is named."""
_NO_VIRTIO: Final = (BASE_MEMORY, BALLOON, MODULES)

SIZE_EVENTS: Final = ("MEMORY_DEVICE_SIZE_CHANGE", "BALLOON_CHANGE")
"""The QMP events that report a size; there is none for modules."""

Sizes = Mapping[str, int]


def means_of(device: str) -> Means:
    """The kind of a device, by the name that it has here."""
    return {BASE_MEMORY: Means.BOOT, BALLOON: Means.BALLOON, MODULES: Means.PC_DIMM}.get(device, Means.VIRTIO_MEM)


def has_size_event(device: str) -> bool:
    """Whether QEMU has an event for this device's size."""
    return device not in (BASE_MEMORY, MODULES)


def read_event_size(record: QemuRecord) -> int | None:
    """Reads the size of a QMP event; ``None`` if it reports none. Raises ``InputError`` if it should but does not."""
    if not isinstance(record, QmpEventRecord) or record.qmp.event not in SIZE_EVENTS:
        return None
    data = record.qmp.data or {}
    size, name = data.get("actual" if record.qmp.event == "BALLOON_CHANGE" else "size"), data.get("id", "")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= LARGEST or not isinstance(name, str):
        raise InputError(f"qmp.data: {record.qmp.event} reports no size", hint="is the recording complete?")
    return size


@dataclass(slots=True)
class DeviceNames:
    """The names of the devices of one VM: of virtio-mem the id, as far as it is known."""

    virtio: str = NAMELESS
    """The virtio-mem device that is meant where none is named: that of the last command, or the first."""
    _names: dict[str, str] = field(default_factory=dict[str, str])
    """The names of the virtio-mem devices here, by their ids."""
    _has_nameless: bool = False
    """Whether a size was reported of a device that has no name yet."""

    def read_measure(self, measure: Measure | None, known: Sizes) -> dict[str, int]:
        """Reads all sizes in a measurement."""
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

    def read_max_sizes(self, measure: Measure | None) -> dict[str, int]:
        """Reads the largest sizes that the devices in a measurement can have, where it says so."""
        device = None if measure is None else measure.device
        devices = () if device is None else self._virtio_mem(device)
        return {name: data.maximum for name, data in devices if data.maximum is not None}

    def read_targets(self, measure: Measure | None) -> dict[str, int]:
        """Reads what the virtio-mem devices in a measurement were last told to be, where it says so."""
        device = None if measure is None else measure.device
        devices = () if device is None else self._virtio_mem(device)
        return {name: data.requested for name, data in devices if data.requested is not None}

    def read_mechanism(
        self, mechanism: str | None, size: int, known: Sizes, device: str | None = None
    ) -> dict[str, int]:
        """Reads a size that names only its mechanism; ``device`` is the virtio-mem device that is meant."""
        if mechanism == Means.VIRTIO_MEM:
            if device is None and len(set(self._names.values())) > 1:
                return {}  # the record does not say whose size it is
            self._has_nameless = self._has_nameless or (device or self.virtio) == NAMELESS
            return {device or self.virtio: size}
        if mechanism == Means.BALLOON:
            return {BALLOON: size}
        if mechanism == Means.PC_DIMM and not known.keys() >= set(self._names.values()):
            return {}  # how much of it is virtio-mem is not known
        modules = size - sum(other for device, other in known.items() if device not in _NO_VIRTIO)
        return {MODULES: modules} if mechanism == Means.PC_DIMM and modules >= 0 else {}

    def read_target(self, command: CommandRecord | IntentRecord, known: Sizes) -> dict[str, int]:
        """Reads the device and the size that a command asks for; empty if it asks for no size."""
        if command.requested is None:
            return {}
        if command.mechanism == Means.VIRTIO_MEM:
            path = as_object(as_object(command.qmp).get("arguments")).get("path")
            self.virtio = self._name(_last_part(path)) or self.virtio
        return self.read_mechanism(command.mechanism, command.requested, known, self.virtio)

    def read_event(self, record: QmpEventRecord) -> dict[str, int]:
        """Reads the size that a QMP event reports, if it reports one."""
        size = read_event_size(record)
        if size is None:
            return {}
        if record.qmp.event == "BALLOON_CHANGE":
            return {BALLOON: size}
        data = record.qmp.data or {}
        name = self._name(data.get("id")) or self._name(_last_part(data.get("qom-path")))
        return {name: size} if name else self.read_mechanism(Means.VIRTIO_MEM, size, {})

    def _virtio_mem(self, device: DeviceMeasures) -> Iterator[tuple[str, MemoryDeviceData]]:
        """The virtio-mem devices in a measurement, each with its name here."""
        used = set[str]()
        for memory in device.memory_devices or ():
            if memory.type == Means.VIRTIO_MEM:
                name = self._name(memory.data.id) or self._names.setdefault("", self.virtio)
                while name in used:  # another without an id
                    name = self._names.setdefault(f"{name} and", f"{name} and")
                used.add(name)
                yield name, memory.data

    def _name(self, id: object) -> str | None:
        """Returns the name of a device, by its id. The first id that appears is that of the nameless device."""
        if not isinstance(id, str) or not id:
            return None
        if id not in self._names:
            is_taken = NAMELESS in self._names.values()
            own = id if id not in _NO_VIRTIO else f"virtio-mem {id}"
            self._names[id] = NAMELESS if self._has_nameless and not is_taken else own
        return self._names[id]


def _last_part(path: object) -> str | None:
    """A device's id, from its path in QEMU."""
    return path.rpartition("/")[2] if isinstance(path, str) else None
