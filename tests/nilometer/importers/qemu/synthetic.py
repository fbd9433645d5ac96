"""Small recordings made up for a test: one VM with 1 GiB to boot with, seconds as times, sizes in MiB."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.quantities import MiB

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BASE = 1024
FIRMWARE = 40
"""What the guest leaves out of its count from the beginning."""
GUEST_BLOCK = 128
"""The guest takes its memory in blocks of this size."""

Json = dict[str, Any]


def device(virtio: int, balloon: int | None = None, modules: int = 0) -> Json:
    """What QEMU says of the devices."""
    measures: Json = {
        "size_summary": {"base-memory": BASE * MiB, "plugged-memory": (virtio + modules) * MiB},
        "memory_devices": [{"type": "virtio-mem", "data": {"id": "vm0", "size": virtio * MiB, "max-size": 4096 * MiB}}],
    }
    return measures if balloon is None else {**measures, "balloon_actual": balloon * MiB}


def measure(
    virtio: int,
    available: int = 500,
    balloon: int | None = None,
    modules: int = 0,
    uncounted: float = 0,
    offline: int | None = None,
) -> Json:
    """What is measured. ``uncounted`` is what the guest has but does not count; ``offline`` is in blocks."""
    total = int((BASE + virtio + modules - FIRMWARE - uncounted) * MiB)
    guest = {"mem_total": total, "mem_available": available * MiB, "memory_block_size": GUEST_BLOCK * MiB}
    guest |= {} if offline is None else {"memory_blocks_offline": offline}
    return {"guest": guest, "device": device(virtio, balloon, modules)}


@dataclass
class Recording:
    """A recording that grows record by record. ``at`` is in seconds."""

    lines: list[bytes] = field(default_factory=list[bytes])

    def add(self, at: float, kind: str, vm: str | None = "vm0", **fields: Any) -> Recording:
        """Any record."""
        t = (START + timedelta(seconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"v": 1, "scenario": "made-up", "seq": len(self.lines) + 1, "t": t, "vm": vm, "kind": kind, **fields}
        self.lines.append(json.dumps(record).encode() + b"\n")
        return self

    def boot(self, at: float = 0, balloon: int | None = None, *, deflates: bool | None = None) -> Recording:
        """The VM is started. Its balloon deflates by itself, or not, if the command line names it."""
        argv = [
            "qemu",
            "-m",
            f"{BASE}M",
            "-object",
            "memory-backend-ram,id=mem0",
            "-device",
            "virtio-mem-pci,id=vm0,memdev=mem0",
        ]
        if balloon is not None and deflates is not None:
            argv += ["-device", f"virtio-balloon-pci,id=balloon,deflate-on-oom={'on' if deflates else 'off'}"]
        return self.add(at, "boot", argv=argv, observation=measure(0, balloon=balloon))

    def command(
        self,
        at: float,
        target: float,
        mechanism: str = "virtio-mem",
        accepted: bool = True,
        qmp: Json | None = None,
    ) -> Recording:
        """QEMU is asked for a size."""
        reply: Json = {"return": {}} if accepted else {"error": {"class": "GenericError", "desc": "no"}}
        return self.add(
            at,
            "command",
            mechanism=mechanism,
            requested=int(target * MiB),
            qmp=qmp or {"execute": "qom-set"},
            reply=reply,
            accepted=accepted,
        )

    def monitor(self, at: float, qmp: Json, mechanism: str) -> Recording:
        """QEMU is given a command that asks for no size, and does it."""
        return self.add(
            at, "command", mechanism=mechanism, requested=None, qmp=qmp, reply={"return": ""}, accepted=True
        )

    def event(self, at: float, happened: float, size: float, name: str = "MEMORY_DEVICE_SIZE_CHANGE") -> Recording:
        """QEMU tells that a size was reached."""
        data = {"size": int(size * MiB), "id": "vm0"} if name.startswith("MEMORY") else {"actual": int(size * MiB)}
        return self.qmp(at, name, data, happened)

    def qmp(self, at: float, name: str, data: Json | None = None, happened: float | None = None) -> Recording:
        """Any event of QEMU."""
        moment = START + timedelta(seconds=at if happened is None else happened)
        timestamp = {"seconds": int(moment.timestamp()), "microseconds": moment.microsecond}
        return self.add(at, "event", qmp={"event": name, "timestamp": timestamp, "data": data})

    def poll(self, at: float, size: int, mechanism: str = "virtio-mem") -> Recording:
        """A poll sees another size."""
        return self.add(at, "size", mechanism=mechanism, requested=None, size=size * MiB)

    def step(
        self, at: float, target: int, was: int, now: int, outcome: str, mechanism: str = "virtio-mem", **more: Any
    ) -> Recording:
        """What came of a command; ``before`` and ``after`` are measures, of virtio-mem alone if they are not given."""
        measures: Json = {"before": measure(was), "after": measure(now), **more}
        return self.add(
            at,
            "step",
            mechanism=mechanism,
            requested=target * MiB,
            size_before=was * MiB,
            size_after=now * MiB,
            outcome=outcome,
            **measures,
        )

    def observation(self, at: float, virtio: int, available: int = 500) -> Recording:
        """A measure."""
        return self.add(at, "observation", label="look", **measure(virtio, available))

    def end(self, at: float) -> Recording:
        """QEMU's process is gone, and the recording ends."""
        self.add(at, "end", qemu_exit=0, qemu_stderr="")
        return self.add(at, "meta", None, wall_s=at)
