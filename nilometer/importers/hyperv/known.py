"""What an import knows of hosts and VMs, beside what is recorded of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.importers.hyperv.jobs import Jobs
from nilometer.importers.hyperv.readings import ChangeReading, JobReading, PowerReading, VmReading
from nilometer.importers.hyperv.vm import VmTrack
from nilometer.importers.run import ImportCounts


class Past(Protocol):
    """What a ledger knows already."""

    def vm(self, id: str) -> ObservedVm:
        """A VM by all that is recorded of it."""
        ...

    def host(self, id: str) -> ObservedHost:
        """A host by all that is recorded of it."""
        ...

    def failed_jobs(self, vm: str) -> Collection[str]:
        """What was told of each job of a VM that failed."""
        ...

    def names(self) -> Iterable[tuple[str, str, str | None]]:
        """The id of each VM, what it is called, and the host that it is on."""
        ...


@dataclass(slots=True)
class Host:
    """A host, and its latest jobs."""

    id: str
    fold: ObservedHost
    jobs: Jobs = field(default_factory=Jobs)
    available: int | None = None
    """What it last had left."""
    moved: bool = False
    """Memory of a VM has moved on it, to it or away from it since it was last told what it has left."""
    synced: bool = False
    known_until: str | None = None
    """What is older than this is not told: others told what came after it."""


@dataclass(slots=True)
class Vm:
    """A VM, and what of it waits."""

    track: VmTrack
    synced: bool = False
    known_until: str | None = None
    """As of a host."""
    on: str | None = None
    """The host that has its memory, as last told."""
    held: VmReading | None = None
    """A startup was changed: whoever did that may say so in the next record."""
    held_host: str | None = None
    later: list[PowerReading | JobReading] = field(default_factory=list[PowerReading | JobReading])
    """What the next poll may say more of: by whom the power was changed, and of what request a job was that failed."""
    changed: deque[ChangeReading] = field(default_factory=lambda: deque[ChangeReading](maxlen=10))
    """The last of one's own changes."""
    waiting: list[ImportCounts] = field(default_factory=list[ImportCounts])
    """The accounts of the readings that are not told yet."""


def is_older(known: Host | Vm, at: str) -> bool:
    """Whether something is older than what a ledger knew of a host or VM before this import.

    It cannot be told any more: what came after it was told from what was known then. From the first that is newer on,
    a file keeps its own order, whatever its clock does.
    """
    if known.known_until is not None and at >= known.known_until:
        known.known_until = None
    return known.known_until is not None


def last_told(fold: ObservedHost | ObservedVm) -> str | None:
    """When a host or VM was last measured."""
    return max(fold.measured.values(), default=None)
