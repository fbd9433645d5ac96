"""What a host and a VM are at one moment, and what the rules derive from it. Sizes are bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.guests import Guest, Mechanism, removal_mechanism
from domain.record import fast_init
from domain.rule import rule
from domain.settings import ConfigVersion, HostVersion, MemorySetting, cap


class Power(StrEnum):
    """The power state of a VM."""

    OFF = "off"
    RUNNING = "running"
    PAUSED = "paused"
    SAVED = "saved"


@fast_init
@dataclass(frozen=True, slots=True)
class Host:
    """A host's account: its memory, what the root partition keeps, and the sum of what its VMs hold."""

    total: int
    reserve: int
    version: HostVersion
    held: int
    """The running total of the book: bytes held by all VMs on this host."""

    @property
    @rule
    def free(self) -> int:
        """What the host can still promise: its memory less the root reserve and what its VMs hold."""
        return self.total - self.reserve - self.held


@fast_init
@dataclass(frozen=True, slots=True)
class Vm:
    """The figures of a VM. Its id, name and host are kept apart: no rule reads them."""

    generation: int
    guest: Guest
    config_version: ConfigVersion
    memory: MemorySetting
    power: Power
    session: int
    """Which boot of the guest this is: 0 before the first."""
    assigned: int
    """Physical memory that it has."""
    ballooned: int
    """Handed back to the host, but still in the guest's address space."""
    in_use: int
    """What processes in the guest hold, as last reported in this session."""
    in_use_reported: bool
    paged_out: int
    """What the guest was forced to page out in this session."""
    high_watermark: int
    """The most it was assigned in this session."""
    vsc: bool
    """The Dynamic Memory client (the virtualization service client) runs in the guest."""
    hot_pluggable: int
    """Memory that the guest's kernel knows to be volatile, so that it can be removed."""

    @property
    @rule
    def mechanism(self) -> Mechanism:
        """How memory would be taken from this VM."""
        return removal_mechanism(self.guest)

    @property
    @rule
    def visible(self) -> int:
        """What the guest sees: a ballooned guest still counts what it lent, every other sees what is assigned."""
        return self.assigned + self.ballooned if self.mechanism is Mechanism.BALLOON else self.assigned

    @property
    @rule
    def held(self) -> int:
        """What the VM takes of its host: all that is assigned while running or paused; off or saved, nothing."""
        return self.assigned if self.power is Power.RUNNING or self.power is Power.PAUSED else 0

    @property
    @rule
    def available(self) -> int:
        """Assigned memory that no process in the guest holds."""
        return self.assigned - self.in_use


@fast_init
@dataclass(frozen=True, slots=True)
class Site:
    """What one VM command reads and writes: the VM, its host, and the host's book entry for this VM."""

    host: Host
    vm: Vm
    entry: int

    @property
    @rule
    def limit(self) -> int:
        """The most memory that this VM can have on this host."""
        return cap(self.vm.generation, self.host.version)


@fast_init
@dataclass(frozen=True, slots=True)
class Group:
    """VMs that are named together: what a policy over all of them reads."""

    held: int
    """The running total of its book: bytes held by all VMs of the group, on whatever hosts."""
