"""Watching one VM: its events as they come and its sizes as they are polled become records of its evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from domain.identifiers import UtcTime
from domain.observed.words import Means
from nilometer.drive.driver import Capabilities, DeviceChange, Driver, LineBroken, MemoryReading, Message
from nilometer.drive.evidence_file import EvidenceFile
from nilometer.importers.qemu.facts import EVIDENCE
from nilometer.importers.qemu.logs.answers import as_size
from nilometer.importers.qemu.records import as_object
from nilometer.importers.qemu.sizes import SIZE_EVENTS
from nilometer.times import to_utc_time

_BALLOON: Final = "balloon"
_MODULES: Final = "pc-dimm"
_ENDS: Final = ("SHUTDOWN", "GUEST_PANICKED", "GUEST_CRASHLOADED")

NOTED: Final = frozenset((
    *SIZE_EVENTS, *EVIDENCE, *_ENDS, "MIGRATION", "POWERDOWN", "RESET", "RESUME", "STOP", "SUSPEND", "SUSPEND_DISK",
    "WAKEUP",
))  # fmt: skip
"""The events that are written down; others are about disks, networks and clocks."""

Sizes = dict[str, int]


class VmWatch:
    """One VM, as its driver shows it, written down."""

    def __init__(self, driver: Driver, evidence: EvidenceFile) -> None:
        self.driver = driver
        self.evidence = evidence
        self.sizes: Sizes = {}
        """The sizes that are written down already, by device."""
        self.moved_at: UtcTime | None = None
        """When a size last changed, as far as that is known."""
        self.awaits_event = False
        """A poll showed a size first: QEMU may still send the event that says when it was reached."""
        self.ended: str | None = None
        """The event after which the guest is gone."""

    async def look(self) -> tuple[Capabilities, MemoryReading]:
        """Attaches to the VM; what is found there is not written down yet.

        What its guest reported before counts for nothing: nobody saw whether its memory has moved since.
        """
        found = await self.driver.capabilities()
        reading = await self.driver.observe(sizes_only=True)
        self.moved_at, self.sizes = reading.at, _read_sizes(reading)
        return found, reading

    def write_attach(self, found: Capabilities, reading: MemoryReading, *, alone: bool) -> None:
        """Writes down what was found; ``alone`` says that nobody else changes the VM now."""
        self.evidence.append(
            "attach",
            {
                "status": found.status,
                "uuid": found.uuid,
                "process": found.process,
                "incoming": found.incoming,
                "alone": alone,
                "deflate_on_oom": found.deflate_on_oom,
                "qemu": found.version,
                "observation": reading.measure,
            },
            safe=True,
        )

    def write_event(self, event: Message) -> None:
        """Writes down an event that concerns the VM's memory, its power or where it runs."""
        name, data = str(event.get("event")), as_object(event.get("data"))
        if name not in NOTED:
            return
        self.evidence.append("event", {"qmp": event})
        if name in _ENDS:
            self.ended = name
        size = as_size(data.get("actual" if name == "BALLOON_CHANGE" else "size"))
        device = _BALLOON if name == "BALLOON_CHANGE" else data.get("id")
        if size is None or not isinstance(device, str):
            return
        if self.sizes.get(device) == size:
            self.awaits_event = False
        else:
            self.sizes[device], self.moved_at = size, _read_moment(event) or self.moved_at

    def take_sizes(self, reading: MemoryReading) -> None:
        """Takes note of sizes that are written down already."""
        found = _read_sizes(reading)
        if found != self.sizes:
            self.sizes, self.moved_at = found, reading.at

    def write_sizes(self, reading: MemoryReading, change: DeviceChange | None = None) -> bool:
        """Writes down sizes that are not written down yet; returns whether there were any."""
        found = _read_sizes(reading)
        differing = {
            device for device in found.keys() | self.sizes.keys() if found.get(device) != self.sizes.get(device)
        }
        if not differing:
            return False
        self.sizes, self.moved_at, self.awaits_event = found, reading.at, differing != {_MODULES}
        if change is not None and differing == {device_of(change)}:
            size = reading.size_of(change)
            self.evidence.append("size", {"mechanism": change.means.value, "requested": change.target, "size": size})
        else:
            self.evidence.append("observation", {"label": "poll", **reading.measure})
        return True

    async def take_events(self, seconds: float) -> None:
        """Waits for an event; writes it down, and all that came with it."""
        while (event := await self.driver.event(seconds)) is not None:
            self.write_event(event)
            seconds = 0

    def write_lost(self, error: LineBroken) -> None:
        """Writes down that the line broke: with the end of QEMU, if the guest was shut down before."""
        if self.ended == "SHUTDOWN":
            self.evidence.append("end", {"qemu_exit": None, "qemu_stderr": None}, safe=True)
        else:
            self.evidence.append("lost", {"error": error.message}, safe=True)


def device_of(change: DeviceChange) -> str:
    """The device of a change, as its size is kept."""
    if change.means is Means.BALLOON:
        return _BALLOON
    return _MODULES if change.means is Means.PC_DIMM else str(change.device)


def _read_sizes(reading: MemoryReading) -> Sizes:
    sizes = {device.id or "virtio-mem": device.size for device in reading.devices if device.means is Means.VIRTIO_MEM}
    sizes[_MODULES] = reading.modules
    if reading.balloon is not None:
        sizes[_BALLOON] = reading.balloon
    return sizes


def _read_moment(event: Message) -> UtcTime | None:
    stamp = as_object(event.get("timestamp"))
    seconds, microseconds = stamp.get("seconds"), stamp.get("microseconds")
    if not isinstance(seconds, int) or not isinstance(microseconds, int) or seconds < 0:
        return None
    try:
        return to_utc_time(datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds))
    except (OverflowError, ValueError, OSError):
        return None
