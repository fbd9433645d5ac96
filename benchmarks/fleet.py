"""A synthetic fleet of Hyper-V hosts, minute by minute, as the collector would spool it.

Made up after the documented types: no host wrote it, and no real fleet behaves like it. Most VMs have Dynamic Memory:
many of them never move, some move every few hours, and some several times an hour. The others are static, and get
another size now and then. A guest's available memory jitters every minute. Sizes are MiB, times minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

Json = dict[str, Any]

MiB: Final = 2**20
DAY: Final = 1440
BEGINNING: Final = datetime(2026, 11, 23)
MOVES_AN_HOUR: Final = (0.0, 0.0, 0.0, 0.15, 0.5, 1.0, 2.0, 6.0)
"""Of every eight VMs with Dynamic Memory."""
JOB_MINUTES: Final = 5
"""Minutes for which the host lists a job."""
OWNERS: Final = ("CONTOSO\\anna", "CONTOSO\\ben", "NT AUTHORITY\\SYSTEM", None)

RUNNING: Final = (2, "Running")
OFF: Final = (3, "Off")
STARTING: Final = (32770, "Starting")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a fleet is, and for how many minutes it is polled."""

    hosts: int = 40
    vms: int = 30
    """On each host."""
    minutes: int = DAY

    @property
    def observations(self) -> int:
        """The number of times that a VM is reported."""
        return self.hosts * self.vms * self.minutes


A_DAY: Final = Size()


@dataclass(slots=True)
class SyntheticVm:
    """A VM and what its host reports of it."""

    id: str
    name: str
    dynamic: bool
    startup: int
    assigned: int
    moves_an_hour: float = 0.0
    balloon: bool = False
    """Its guest gives memory back through a balloon, and still sees it."""
    state: tuple[int, str] = RUNNING
    uptime: int = 0
    """Seconds."""
    watermark: int = 0
    added: int = 0
    removed: int = 0

    @property
    def runs(self) -> bool:
        """Whether it has memory."""
        return self.state is RUNNING

    def start(self) -> None:
        """Starts it, in a new session."""
        self.state, self.uptime, self.added, self.removed = RUNNING, 0, 0, 0
        self.assigned = self.watermark = self.startup

    def stop(self) -> None:
        """Turns it off."""
        self.state, self.uptime, self.assigned = OFF, 0, 0

    def resize(self, assigned: int) -> None:
        """Moves its memory."""
        self.added += max(0, assigned - self.assigned)
        self.removed += max(0, self.assigned - assigned)
        self.assigned, self.watermark = assigned, max(self.watermark, assigned)

    def live(self, random: Random) -> None:
        """Lets a minute pass."""
        if not self.runs:
            return
        self.uptime += 60
        if random.random() < self.moves_an_hour / 60:
            step = 2 * random.randint(16, 256)
            self.resize(max(512, min(4 * self.startup, self.assigned + random.choice((step, -step)))))

    def to_json(self, random: Random) -> Json:
        """The VM in a poll."""
        code, word = self.state
        figures: Json = {
            "id": self.id,
            "name": self.name,
            "generation": 2,
            "version": "10.0",
            "state": code,
            "state_name": word,
            "uptime": self.uptime,
            "dynamic": self.dynamic,
            "startup": self.startup * MiB,
            "minimum": 512 * MiB,
            "maximum": (4 * self.startup if self.dynamic else 2**20) * MiB,
            "assigned": self.assigned * MiB,
            "buffer": 20,
            "weight": 50,
        }
        counters: tuple[int | None, ...] = (None,) * 5
        if self.runs:
            visible = self.watermark if self.balloon else self.assigned
            available = round(self.assigned * random.uniform(0.2, 0.3))
            counters = (self.assigned, visible, available, self.added, self.removed)
        names = ("physical_mb", "visible_mb", "guest_available_mb", "added_mb", "removed_mb")
        return figures | dict(zip(names, counters, strict=True))


@dataclass(slots=True)
class SyntheticHost:
    """A host, its VMs, and the jobs that it still lists."""

    name: str
    second: float
    """Of the minute, at which it is polled."""
    vms: list[SyntheticVm]
    total: int
    jobs: list[tuple[int, Json]] = field(default_factory=list[tuple[int, Json]])
    """Each with the minute until which the host reports it."""

    def poll(self, minute: int, random: Random) -> Json:
        """A line of the spool."""
        self.jobs = [(until, job) for until, job in self.jobs if minute < until]
        return {
            "schema": 1,
            "kind": "poll",
            "time": moment(minute, self.second),
            "host": self.name,
            "build": 20348,
            "capacity": self.total * MiB,
            "available_mb": self.total - 4096 - sum(vm.assigned for vm in self.vms),
            "vms": [vm.to_json(random) for vm in self.vms],
            "jobs": [job for _, job in self.jobs],
        }

    def add_job(self, vm: SyntheticVm, kind: int, minute: int, random: Random) -> None:
        """Adds a job for a VM, submitted half a minute before the poll."""
        job = {
            "id": str(UUID(int=random.getrandbits(128))),
            "type": kind,
            "state": 7,
            "vm": vm.id.upper(),
            "owner": random.choice(OWNERS),
            "submitted": moment(minute - 1, self.second + 30),
            "error": 0,
            "elapsed": 1.5,
        }
        self.jobs.append((minute + JOB_MINUTES, job))


class Fleet:
    """All hosts. The same seed makes the same fleet and the same day."""

    def __init__(self, size: Size, seed: int = 1) -> None:
        self._random = Random(seed)
        self._size = size
        self._hosts = [self._host(number) for number in range(size.hosts)]
        self._arriving: list[tuple[SyntheticVm, SyntheticHost, SyntheticHost]] = []

    def lines(self) -> Iterator[tuple[str, Json]]:
        """The lines that are written, in the order of their times, each with its host."""
        for minute in range(self._size.minutes):
            self._arrive()
            for host in self._hosts:
                for vm in host.vms:
                    vm.live(self._random)
                yield from ((host.name, change) for change in self._events(host, minute))
                yield host.name, host.poll(minute, self._random)

    def _host(self, number: int) -> SyntheticHost:
        name = f"HV{number + 1:02}"
        vms = [self._vm(name, each) for each in range(self._size.vms)]
        return SyntheticHost(name, number * 1.25, vms, total=2**19)

    def _vm(self, host: str, number: int) -> SyntheticVm:
        random = self._random
        dynamic = number % 5 != 0
        startup = random.choice((1024, 2048, 4096, 8192))
        name = f"{random.choice(('web', 'sql', 'erp', 'büro'))}{host[2:]}{number:02}"
        moves = random.choice(MOVES_AN_HOUR) if dynamic else 0.0
        id = str(UUID(int=random.getrandbits(128)))
        return SyntheticVm(
            id, name, dynamic, startup, startup, moves, random.random() < 0.3, RUNNING, random.randrange(10**6), startup
        )

    def _events(self, host: SyntheticHost, minute: int) -> Iterator[Json]:
        """What somebody does to one VM of a host in a minute: a dozen times a day."""
        random = self._random
        chance = random.random() * DAY  # below n: so many times a day
        vm = next((vm for vm in host.vms if vm.state is OFF), random.choice(host.vms))
        sized = [vm for vm in host.vms if vm.runs and not vm.dynamic]
        if chance < 4:
            host.add_job(vm, 26, minute, random)
            vm.stop() if vm.runs else vm.start()
        elif chance < 6 and vm.runs:
            vm.start()  # from within the guest: there is no job
        elif 6 <= chance < 10 and sized:
            static = random.choice(sized)
            host.add_job(static, 31, minute, random)
            self._ask(static)
        elif 10 <= chance < 12 and sized:
            yield self._own_change(host, random.choice(sized), minute)
        elif 12 <= chance < 12.2:
            self._depart(host, vm)

    def _ask(self, vm: SyntheticVm) -> None:
        """Requests another size for a static VM, which it mostly gets."""
        vm.startup = self._random.choice((1024, 2048, 4096, 8192, 16384))
        granted = vm.startup if self._random.random() < 0.8 else (vm.assigned + vm.startup) // 4 * 2
        vm.resize(granted)

    def _own_change(self, host: SyntheticHost, vm: SyntheticVm, minute: int) -> Json:
        before = vm.assigned
        self._ask(vm)
        return {
            "schema": 1,
            "kind": "change",
            "time": moment(minute - 1, host.second + 35),
            "since": moment(minute - 1, host.second + 5),
            "host": host.name,
            "vm": vm.id,
            "name": vm.name,
            "user": "CONTOSO\\anna",
            "command": f"Set-VMMemory {vm.name} -StartupBytes {vm.startup}MB",
            "before": before * MiB,
            "after": vm.assigned * MiB,
            "asked": vm.startup * MiB,
            "error": None,
        }

    def _depart(self, host: SyntheticHost, vm: SyntheticVm) -> None:
        """Begins to move a VM to the neighbouring host: for a minute both list it."""
        number = self._hosts.index(host) ^ 1
        if number >= len(self._hosts) or not vm.runs:
            return
        there = self._hosts[number]
        twin = SyntheticVm(vm.id, vm.name, vm.dynamic, vm.startup, 0, state=STARTING)
        there.vms.append(twin)
        self._arriving.append((vm, host, there))

    def _arrive(self) -> None:
        for vm, source, there in self._arriving:
            source.vms.remove(vm)
            there.vms = [each for each in there.vms if each.id != vm.id] + [vm]
        self._arriving.clear()


def moment(minute: int, second: float) -> str:
    """A time of the day as PowerShell writes it."""
    return f"{(BEGINNING + timedelta(minutes=minute, seconds=second)).isoformat(timespec='microseconds')}0Z"
