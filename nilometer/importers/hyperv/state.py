"""What an import keeps of hosts and VMs beside what is recorded of them: events to record, readings that wait."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from domain.identifiers import UtcTime, seconds_between
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.importers.hyperv.jobs import Attribution
from nilometer.importers.hyperv.readings import ChangeReading, JobReading, PowerReading, VmReading
from nilometer.importers.run import ImportCounts
from nilometer.ledger.requests import Fact

KEPT_CHANGES: Final = 10
"""Changes of a VM that ``Invoke-NiloChange`` made and that are kept."""


@dataclass(frozen=True, slots=True)
class Emission:
    """An event that an import adds, and what it belongs to."""

    fact: Fact
    story: str | None
    """The request that it is part of, as ``VM/number``."""
    who: Attribution | None
    """Who did it; ``None`` for a measurement."""


class Past(Protocol):
    """What a ledger knows already."""

    def vm(self, id: str) -> ObservedVm:
        """A VM by all that is recorded of it."""
        ...

    def host(self, id: str) -> ObservedHost:
        """A host by all that is recorded of it."""
        ...

    def failed_jobs(self, vm: str) -> Collection[str]:
        """The texts that are recorded of a VM's failed jobs."""
        ...

    def names(self) -> Iterable[tuple[str, str, str | None]]:
        """Id, name and host of each VM."""
        ...


@dataclass(slots=True)
class Cutoff:
    """Which records are older than what the ledger knew of a host or VM before this import."""

    synced: bool = False
    """What the ledger knows was loaded."""
    known_until: UtcTime | None = None

    def sync(self, known_until: UtcTime | None) -> None:
        """What the ledger knows was loaded; ``known_until`` is its last measurement, if this import begins with it."""
        self.synced, self.known_until = True, known_until

    def is_older(self, at: UtcTime) -> bool:
        """Whether a record is too old: what came after it was recorded from what was known then.

        After the first record that is newer, a file keeps its own order, whatever its clock does.
        """
        if self.known_until is not None and at >= self.known_until:
            self.known_until = None
        return self.known_until is not None


@lru_cache(maxsize=256)
def seconds_in_between(earlier: UtcTime, later: UtcTime) -> int:
    """The whole seconds between two polls: all VMs of a host share them. A clock that goes back leaves none."""
    return max(0, round(seconds_between(earlier, later)))


@dataclass(slots=True)
class VmQueue:
    """Readings of a VM that wait for the next record, and the counts of the files that they are from."""

    held: VmReading | None = None
    """It shows a changed startup: the next record may say who changed it."""
    held_host: str | None = None
    deferred: list[PowerReading | JobReading] = field(default_factory=list[PowerReading | JobReading])
    """The next poll may say who changed the power state, and to which request a failed job belongs."""
    own_changes: tuple[ChangeReading, ...] = ()
    """The last changes that ``Invoke-NiloChange`` made."""
    uncounted: list[ImportCounts] = field(default_factory=list[ImportCounts], metadata={"stored": False})
    """For each reading whose events are still to come, the counts of its file."""

    def hold(self, reading: VmReading, host: str | None) -> None:
        """Keeps a reading until the next record."""
        self.held, self.held_host = reading, host

    def release(self) -> tuple[VmReading, str | None]:
        """The reading that was held, and the id of its host."""
        held, self.held = self.held, None
        assert held is not None
        return held, self.held_host

    def keep_change(self, change: ChangeReading) -> None:
        """Keeps a change that ``Invoke-NiloChange`` made."""
        self.own_changes = (*self.own_changes[1 - KEPT_CHANGES :], change)

    def take_deferred(self, record: str | None) -> list[PowerReading | JobReading]:
        """The deferred readings, but for those of this very record: they wait for the next one."""
        ready = [reading for reading in self.deferred if reading.record != record]
        self.deferred = [reading for reading in self.deferred if reading.record == record]
        return ready

    def drop_power_until(self, at: UtcTime) -> None:
        """Drops power states up to a time: the ledger knows them."""
        self.deferred = [reading for reading in self.deferred if isinstance(reading, JobReading) or reading.at > at]

    def count_events(self) -> None:
        """The events of the readings that waited are there: counts those readings."""
        for counts in self.uncounted:
            counts.events += 1
        self.uncounted = []


@dataclass(slots=True)
class Rivalry:
    """Another host that lists a VM beside its own."""

    rival: tuple[str, UtcTime] | None = None
    """The other host that was the last to list it as running, and when."""
    contests: int = 0
    """How often its own host listed it again after that."""


def last_measured(state: ObservedHost | ObservedVm) -> UtcTime | None:
    """When a host or VM was last measured."""
    return max(state.measured.values(), default=None)
