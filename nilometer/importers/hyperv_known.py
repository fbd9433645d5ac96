"""What an import knows of hosts and VMs, beside what is recorded of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from domain.observed_host import ObservedHost
from domain.observed_vm import ObservedVm
from nilometer.importers.hyperv_jobs import Jobs
from nilometer.importers.hyperv_readings import VmReading
from nilometer.importers.hyperv_vm import VmTrack
from nilometer.importers.reading import Account


class Past(Protocol):
    """What a ledger knows already."""

    def vm(self, id: str) -> ObservedVm:
        """A VM by all that is recorded of it."""
        ...

    def host(self, id: str) -> ObservedHost:
        """A host by all that is recorded of it."""
        ...

    def called(self, name: str) -> Collection[str]:
        """The ids of the VMs that have a name."""
        ...


@dataclass(slots=True)
class Host:
    """A host, and its latest jobs."""

    id: str
    fold: ObservedHost
    jobs: Jobs = field(default_factory=Jobs)
    available: int | None = None
    """What it last had left."""
    synced: bool = False


@dataclass(slots=True)
class Vm:
    """A VM, and what of it waits."""

    track: VmTrack
    synced: bool = False
    held: VmReading | None = None
    """A startup was changed: whoever did that may say so in the next record."""
    held_host: str | None = None
    waiting: list[Account] = field(default_factory=list[Account])
    """The accounts of the readings that are not told yet."""
