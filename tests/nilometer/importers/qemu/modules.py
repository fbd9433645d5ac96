"""A made-up recording of a VM to which a memory module was plugged."""

from __future__ import annotations

from domain.observed.events import VmMemoryMoved
from domain.quantities import MiB
from tests.nilometer.importers.qemu.reading import events
from tests.nilometer.importers.qemu.synthetic import Json, Recording, measure

MAKE = {"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "m1", "size": 128 * MiB}}
PLUG = {"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d1", "memdev": "m1"}}
UNPLUG = {"execute": "device_del", "arguments": {"id": "d1"}}
AROUND: Json = {"before": measure(256), "after": measure(256, modules=128)}


def plugged() -> Recording:
    """A module of 128 MiB was plugged, beside 256 MiB of virtio-mem."""
    made = Recording().boot().poll(0.5, 256)
    made.add(1, "command", mechanism="pc-dimm", requested=None, qmp=MAKE, reply={"return": {}}, accepted=True)
    made.add(2, "command", mechanism="pc-dimm", requested=384 * MiB, qmp=PLUG, reply={"return": {}}, accepted=True)
    return made.poll(2.2, 384, "pc-dimm").step(3, 384, 256, 384, "complete", "pc-dimm", **AROUND)


def moves(made: Recording) -> list[tuple[str, int, int, int | None]]:
    """Device, sizes in MiB, request."""
    moved = events(made.lines, VmMemoryMoved)
    return [(one.device, one.size_from // MiB, one.size_to // MiB, one.request) for one in moved]
