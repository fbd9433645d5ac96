"""Recordings made up at random: several VMs that share one budget, grow, shrink, fall short, and are stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from domain.quantities import MiB
from tests.nilometer.importers.qemu.synthetic import BASE, Json, Recording, measure

BLOCK = 128
ARGV = [
    *("qemu", "-m", f"{BASE}M", "-M", "q35,memory-backend=boot0"),
    *("-object", f"memory-backend-file,id=boot0,size={BASE}M,mem-path=run/pool,share=on,prealloc=on"),
    *("-object", "memory-backend-file,id=mem0,size=4096M,mem-path=run/pool,share=on"),
    *("-device", "virtio-mem-pci,id=vm0,memdev=mem0,prealloc=on"),
]


@dataclass
class MadeUp:
    """A recording of some VMs, as it grows. Sizes are MiB."""

    random: Random
    capacity: int
    recording: Recording = field(default_factory=Recording)
    at: float = 0
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    """What each VM has by virtio-mem."""

    @property
    def free(self) -> int:
        """What is left of the budget."""
        return self.capacity - sum(BASE + size for size in self.sizes.values())

    def add(self, kind: str, vm: str | None, **fields: object) -> None:
        """The next record, some seconds later."""
        self.at += self.random.choice((0.2, 3, 10))
        self.recording.add(self.at, kind, vm, **fields)

    def boot(self, vm: str) -> None:
        """A VM is started."""
        self.sizes[vm] = 0
        self.add("boot", vm, argv=ARGV, observation=self._measure(vm))

    def resize(self, vm: str) -> None:
        """QEMU is asked for another size, and as much of it is reached as there is memory, or by chance."""
        was = self.sizes[vm]
        target = BLOCK * self.random.randrange(12)
        before = self._measure(vm)
        reply: Json = {"return": {}}
        with_metadata: Json = {"mechanism": "virtio-mem", "requested": target * MiB}
        self.add("command", vm, **with_metadata, qmp={"execute": "qom-set"}, reply=reply, accepted=True)
        now = min(target, was + max(0, self.free) // BLOCK * BLOCK)
        if self.random.random() < 0.3:
            now = was + (now - was) // BLOCK // 2 * BLOCK
        if now != was:
            self.sizes[vm] = now
            self.add("size", vm, **with_metadata, size=now * MiB)
        outcome = "complete" if now == target else "unchanged" if now == was else "partial"
        sizes = {"size_before": was * MiB, "size_after": now * MiB}
        self.add("step", vm, **with_metadata, **sizes, outcome=outcome, before=before, after=self._measure(vm))

    def look(self, vm: str) -> None:
        """A VM is measured, and then the budget."""
        self.add("observation", vm, label="look", **self._measure(vm))
        self.add("pool", None, label="look", capacity=self.capacity * MiB, free=self.free * MiB)

    def stop(self, vm: str) -> None:
        """QEMU's process is gone."""
        del self.sizes[vm]
        self.add("end", vm, qemu_exit=0, qemu_stderr="")

    def _measure(self, vm: str) -> Json:
        size = self.sizes[vm]
        return measure(size, available=self.random.randrange(0, BASE + size))


def several_vms(seed: int) -> Sequence[bytes]:
    """The lines of a recording of three VMs."""
    random = Random(seed)
    made = MadeUp(random, BASE * 3 + BLOCK * random.randrange(24))
    made.add("pool", None, label="made", capacity=made.capacity * MiB, free=made.capacity * MiB)
    for number in range(3):
        made.boot(f"vm{number}")
    for _ in range(40):
        vm = random.choice(list(made.sizes))
        if random.random() < 0.05 and len(made.sizes) > 1:
            made.stop(vm)
        elif random.random() < 0.5:
            made.resize(vm)
        else:
            made.look(vm)
    made.add("meta", None, wall_s=made.at)
    return made.recording.lines
