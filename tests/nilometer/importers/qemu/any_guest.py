"""Any QEMU guest that can be: what it has is known here, and what is seen of it is recorded. Sizes are MiB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from domain.quantities import MiB
from tests.nilometer.importers.qemu.synthetic import BASE, FIRMWARE, GUEST_BLOCK, Json, Recording, measure

STEP = 2
"""virtio-mem moves in steps of so much."""
MOST = 4096
MODULES = (128, 128, 256, 96, 64)
"""Sizes of modules. A guest takes only whole blocks, so the last two it does not see."""


@dataclass(frozen=True)
class Module:
    """A memory module that is plugged."""

    name: str
    at: int
    """Its address, from the first that modules can have."""
    size: int
    kept: float = 0
    """What the guest's kernel keeps of it for its own account."""
    offline: bool = False
    """Whether the guest left it offline."""

    @property
    def is_whole(self) -> bool:
        """Whether a guest can take it: a whole number of blocks, at the beginning of one."""
        return self.size % GUEST_BLOCK == 0 and self.at % GUEST_BLOCK == 0


@dataclass(frozen=True)
class Memory:
    """What the guest has."""

    virtio: int = 0
    modules: tuple[Module, ...] = ()
    lent: int = 0
    """What its balloon gave back to the host."""
    most: int = BASE
    """The most that it had in this session."""

    @property
    def plugged(self) -> int:
        """The modules together."""
        return sum(module.size for module in self.modules)

    @property
    def assigned(self) -> int:
        """All that it has."""
        return BASE + self.virtio + self.plugged - self.lent

    @property
    def offline(self) -> int:
        """What it left offline."""
        return sum(module.size for module in self.modules if module.is_whole and module.offline)

    @property
    def unseen(self) -> int:
        """What it cannot see."""
        return sum(module.size for module in self.modules if not module.is_whole)

    @property
    def kept(self) -> float:
        """What its kernel keeps of what was added and is online."""
        return sum(module.kept for module in self.modules if module.is_whole and not module.offline)


class Guest:
    """A guest with virtio-mem, and perhaps a balloon and modules."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.recording = Recording()
        self.at = 10.0
        self.memory = Memory()
        self.checkpoint: Memory | None = None
        self.restored: list[Memory] = []
        """What it had when each checkpoint was applied."""
        self.all_seen = True
        """Whether it was measured after each checkpoint that was applied: else the most that it had may be unseen."""
        self.balloon = self.random.random() < 0.5
        self.deflates = self.random.random() < 0.3
        """Whether the balloon deflates by itself: then the guest goes on counting what it lent."""
        self.reports_offline = self.random.random() < 0.8
        self.plugs = self.random.random() < 0.5
        self.number = 0
        self.used = 200
        self.recording.boot(balloon=BASE if self.balloon else None, deflates=self.deflates)

    def live(self, steps: int) -> list[bytes]:
        """So many things that happen to it."""
        ways = [self.resize, self.resize, self.swing, self.take, self.apply, self.look]
        ways += [self.lend, self.lend] if self.balloon else []
        ways += [self.plug, self.plug, self.unplug, self.put_online] if self.plugs else []
        for _ in range(steps):
            self.random.choice(ways)()
        self.put_online()
        self.recording.end(self.at + 10)
        return self.recording.lines

    def wait(self, most: float = 90) -> float:
        """Some time passes; now and then nobody looks for an hour."""
        if most > 60 and self.random.random() < 0.02:
            most = 4000
        self.at = round(self.at + self.random.uniform(0.2, most), 3)
        return self.at

    @property
    def measures(self) -> Json:
        """What is measured of it now."""
        memory = self.memory
        counted = memory.assigned - memory.offline - memory.unseen - memory.kept - FIRMWARE
        self.used = self.random.randrange(20, max(21, min(900, int(counted))))
        return measure(
            memory.virtio,
            available=int(counted) - self.used,
            balloon=BASE + memory.plugged - memory.lent if self.balloon else None,
            modules=memory.plugged,
            uncounted=memory.offline + memory.unseen + memory.kept + (0 if self.deflates else memory.lent),
            offline=memory.offline // GUEST_BLOCK if self.reports_offline else None,
        )

    def look(self) -> None:
        """It is measured, perhaps twice."""
        for _ in range(self.random.randrange(1, 3)):
            self.recording.add(self.wait(), "observation", label="look", **self.measures)

    def has(self, **changes: object) -> None:
        """Its memory is another."""
        memory = replace(self.memory, **changes)  # type: ignore[arg-type]  # the fields' own names
        self.memory = replace(memory, most=max(memory.most, memory.assigned))

    def move(self, size: int) -> None:
        """Its virtio-mem moves: an event shows it, a poll, both, or only the next measure."""
        self.has(virtio=size)
        self.tell(size, "virtio-mem", "MEMORY_DEVICE_SIZE_CHANGE")

    def tell(self, size: int, mechanism: str, name: str) -> None:
        """A move is told: by an event, a poll, both, or only the next measure."""
        way, moment = self.random.random(), self.wait(5)
        if way < 0.15:
            self.look()
            return
        if way < 0.5:
            self.recording.poll(moment, size, mechanism)
        if way > 0.3:
            self.at = round(self.at + self.random.choice((0.002, 0.9)), 3)  # QEMU holds events back
            self.recording.event(self.at, moment - 0.001, size, name)

    def resize(self) -> None:
        """A size is asked for, and comes at once or in parts, late, or in part only."""
        target = self.random.randrange(0, MOST, STEP)
        self.recording.command(self.wait(), target)
        for _ in range(self.random.randrange(4)):
            if self.random.random() < 0.3:
                self.look()
            size = self.memory.virtio
            part = self.random.randrange(0, abs(target - size) + 1, STEP)
            if part:
                self.move(size + (part if target > size else -part))
        if self.memory.virtio != target and self.random.random() < 0.5:
            self.move(target)

    def swing(self) -> None:
        """A size is asked for and reached, and swings about it."""
        target = self.random.randrange(64, MOST - 64, STEP)
        self.recording.command(self.wait(), target)
        for turn in range(self.random.randrange(2, 9)):
            self.move(target + STEP * (1 - turn % 3))

    # The balloon

    def lend(self) -> None:
        """The balloon is asked to leave the guest so much of boot memory and modules, and does, or in part."""
        covered = BASE + self.memory.plugged
        target = self.random.randrange(covered // 2, covered + 1)
        self.recording.command(self.wait(), target, "balloon")
        for _ in range(self.random.randrange(3)):
            self.deflate(self.random.randint(*sorted((covered - self.memory.lent, target))))
        if self.random.random() < 0.7:
            self.deflate(target)

    def deflate(self, size: int) -> None:
        """The balloon leaves the guest so much."""
        covered = BASE + self.memory.plugged
        if size != covered - self.memory.lent:
            self.has(lent=covered - size)
            self.tell(size, "balloon", "BALLOON_CHANGE")

    # Modules

    def plug(self) -> None:
        """A module is plugged at the first address that has room for it, of whole blocks or not."""
        self.number += 1
        size, at = self.random.choice(MODULES), 0
        for module in sorted(self.memory.modules, key=lambda module: module.at):
            if module.at - at >= size:
                break
            at = module.at + module.size
        kept = self.random.choice((0, size / 64, size / 128))
        new = Module(f"d{self.number}", at, size, kept, offline=self.random.random() < 0.3)
        backend = {"qom-type": "memory-backend-ram", "id": f"m{self.number}", "size": size * MiB}
        self.recording.monitor(self.wait(), {"execute": "object-add", "arguments": backend}, "pc-dimm")
        arguments = {"driver": "pc-dimm", "id": new.name, "memdev": f"m{self.number}"}
        self.recording.command(
            self.wait(2), self.memory.virtio + self.memory.plugged + size, "pc-dimm",
            qmp={"execute": "device_add", "arguments": arguments},
        )  # fmt: skip
        self.has(modules=(*self.memory.modules, new))
        self.recording.poll(self.wait(2), self.memory.virtio + self.memory.plugged, "pc-dimm")

    def unplug(self) -> None:
        """A module is unplugged, or the guest keeps it, and says so or not."""
        if not self.memory.modules:
            return
        gone = self.random.choice(self.memory.modules)
        left = self.memory.virtio + self.memory.plugged - gone.size
        delete = {"execute": "device_del", "arguments": {"id": gone.name}}
        self.recording.command(self.wait(), left, "pc-dimm", qmp=delete)
        if self.random.random() < 0.3:
            if self.random.random() < 0.7:
                self.recording.qmp(self.wait(2), "MEM_UNPLUG_ERROR", {"device": gone.name, "msg": "no"})
            return
        self.has(modules=tuple(module for module in self.memory.modules if module is not gone))
        if self.memory.lent > BASE + self.memory.plugged:
            self.has(lent=0)
        self.recording.qmp(self.wait(2), "DEVICE_DELETED", {"device": gone.name})
        self.recording.poll(self.wait(2), left, "pc-dimm")

    def put_online(self) -> None:
        """The guest puts online what it left offline."""
        if not self.reports_offline or self.random.random() < 0.5:
            self.has(modules=tuple(replace(module, offline=False) for module in self.memory.modules))
        self.look()

    # Checkpoints

    def take(self) -> None:
        """A checkpoint is taken."""
        self.command_line("savevm")
        self.checkpoint = self.memory

    def apply(self) -> None:
        """The checkpoint is applied, if the modules are the same: its sizes come back, with or without events."""
        old, names = self.checkpoint, [module.name for module in self.memory.modules]
        if old is None or [module.name for module in old.modules] != names:
            return
        self.memory = old
        self.restored.append(old)
        if self.random.random() < 0.5:
            for event in ("STOP", "RESUME"):
                self.recording.qmp(self.wait(1), event)
        self.command_line("loadvm")
        if self.plugs or self.random.random() < 0.8:  # whose module it is that a size shows, no measure would say
            self.look()
        else:
            self.all_seen = False

    def command_line(self, command: str) -> None:
        """A command of the human monitor."""
        qmp = {"execute": "human-monitor-command", "arguments": {"command-line": f"{command} one"}}
        self.recording.monitor(self.wait(), qmp, command)
