"""Events of decided hosts and VMs: what was asked and granted, the evidence, and the figures before and after.

Names are stable and past tense; a stored event is known by ``kind/version``, never by a Python path. Sizes are bytes.
An event's figures after it are for comparing: state evolves from what was granted (``domain.evolve``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from domain.decision import Code, Outcome
from domain.event import Event as Event
from domain.event import event as event
from domain.guests import Guest, Mechanism
from domain.record import Record, fast_init, record
from domain.settings import HostVersion, MemorySetting
from domain.shapes import ConfigVersionText
from domain.state import Power


@fast_init
@dataclass(frozen=True, slots=True)
class VmFigures:
    """A VM's figures at one moment. Rules make it, so nothing is inherited that Python does not generate."""

    power: Power
    session: int
    startup: int
    assigned: int
    visible: int
    ballooned: int
    in_use: int
    paged_out: int
    high_watermark: int
    hot_pluggable: int


@fast_init
@dataclass(frozen=True, slots=True)
class HostFigures:
    """A host's figures at one moment. Rules make it, so nothing is inherited that Python does not generate."""

    total: int
    reserve: int
    free: int
    held: int


@record()
class HostRead(Record):
    """A host as a decision read it, at the version that its stream then had."""

    id: str
    stream_version: int
    version: HostVersion
    total: int
    reserve: int
    held: int
    free: int
    cap: int | None
    """The most that the VM of this decision could have there."""


@record()
class VmRead(Record):
    """What a decision read of a VM beyond its figures."""

    generation: int
    guest: Guest
    config_version: str
    memory: MemorySetting
    in_use_reported: bool
    vsc: bool


@record()
class Evidence(Record):
    """All that a decision read, so that it can be decided again from its event alone; ``None`` was not read."""

    host: HostRead | None = None
    destination: HostRead | None = None
    vm: VmRead | None = None
    vms: int | None = None
    """How many VMs were on the host, of ``remove-host``."""


Argument = int | str | dict[str, dict[str, int]]


@record(kw_only=True)
class Decided(Event):
    """Common to all events of decided aggregates."""

    command: str
    outcome: Outcome
    code: Code | None
    origin: Literal["decided"] = "decided"


@record(kw_only=True)
class VmEvent(Decided):
    """An event on a VM's stream. ``requested`` and ``granted`` are bytes, ``None`` where a command names no amount."""

    requested: int | None
    granted: int | None
    evidence: Evidence
    before: VmFigures | None
    after: VmFigures


@event("vm.defined", version=2)
@record(kw_only=True)
class VmDefined(VmEvent):
    """A VM began, off. Version 1 had no ``name``."""

    name: str
    host: str
    generation: int
    guest: Guest
    config_version: ConfigVersionText
    memory: MemorySetting


@event("vm.memory-configured", version=2)
@record(kw_only=True)
class VmMemoryConfigured(VmEvent):
    """The memory setting changed. ``size`` is what ``set-memory`` asked for, in bytes; version 1 did not record it."""

    memory: MemorySetting
    size: int | None


@event("vm.guest-configured")
@record(kw_only=True)
class VmGuestConfigured(VmEvent):
    """The guest or the configuration version changed."""

    guest: Guest
    config_version: ConfigVersionText


@event("vm.removed")
class VmRemoved(VmEvent):
    """The VM is gone."""

    __slots__ = ()


@event("vm.started")
class VmStarted(VmEvent):
    """The VM runs, in a new session."""

    __slots__ = ()


@event("vm.rebooted")
class VmRebooted(VmEvent):
    """The guest runs again, in a new session."""

    __slots__ = ()


@event("vm.restored")
class VmRestored(VmEvent):
    """A saved VM runs on."""

    __slots__ = ()


@event("vm.stopped")
class VmStopped(VmEvent):
    """The VM is off."""

    __slots__ = ()


@event("vm.saved")
class VmSaved(VmEvent):
    """The VM is saved."""

    __slots__ = ()


@event("vm.paused")
class VmPaused(VmEvent):
    """The VM is paused."""

    __slots__ = ()


@event("vm.resumed")
class VmResumed(VmEvent):
    """A paused VM runs on."""

    __slots__ = ()


@event("vm.in-use-reported")
@record(kw_only=True)
class VmInUseReported(VmEvent):
    """The guest reported the memory that its processes use."""

    in_use: int


@event("vm.memory-added", version=2)
@record(kw_only=True)
class VmMemoryAdded(VmEvent):
    """Memory was given: ``unballooned`` of it from the balloon, ``hot_added`` new to the guest.

    ``size`` is what ``set-memory`` asked for, in bytes; version 1 did not record it.
    """

    hot_added: int
    unballooned: int
    size: int | None


@event("vm.memory-removed", version=2)
@record(kw_only=True)
class VmMemoryRemoved(VmEvent):
    """Memory was taken; the guest had to page out ``paged`` bytes for it.

    ``size`` is what ``set-memory`` asked for, in bytes; version 1 did not record it.
    """

    mechanism: Mechanism
    paged: int
    size: int | None


@event("vm.moved")
@record(kw_only=True)
class VmMoved(VmEvent):
    """The VM is on another host."""

    source: str
    destination: str


@event("vm.command-refused", version=2)
@record(kw_only=True)
class VmCommandRefused(VmEvent):
    """A command on the VM was rejected or failed; nothing changed. ``arguments`` are as in a script line.

    ``size`` is what ``set-memory`` asked for, in bytes; version 1 did not record it.
    """

    arguments: dict[str, Argument] = field(default_factory=dict[str, Argument])
    size: int | None


@record(kw_only=True)
class HostEvent(Decided):
    """An event on a host's stream."""

    before: HostFigures | None
    after: HostFigures


@event("host.registered")
@record(kw_only=True)
class HostRegistered(HostEvent):
    """A host began."""

    version: HostVersion
    total: int
    reserve: int


@event("host.resized")
@record(kw_only=True)
class HostResized(HostEvent):
    """The host's memory changed."""

    total: int


@event("host.reserve-set")
@record(kw_only=True)
class HostReserveSet(HostEvent):
    """What the root partition keeps changed."""

    reserve: int


@event("host.removed")
@record(kw_only=True)
class HostRemoved(HostEvent):
    """The host is gone."""

    evidence: Evidence


@event("host.memory-granted", version=2)
@record(kw_only=True)
class HostMemoryGranted(HostEvent):
    """A VM was given ``bytes`` of the host's memory.

    It records the request and the grant too, so that each half of a change shows whether the other was altered.
    Version 1 did not.
    """

    vm: str
    bytes: int
    requested: int | None
    granted: int | None


@event("host.memory-returned", version=2)
@record(kw_only=True)
class HostMemoryReturned(HostEvent):
    """A VM gave ``bytes`` back to the host. Version 1 did not record the request, as with ``HostMemoryGranted``."""

    vm: str
    bytes: int
    requested: int | None
    granted: int | None


@event("host.command-refused")
@record(kw_only=True)
class HostCommandRefused(HostEvent):
    """A command on the host was rejected, or the definition of a VM on it; nothing changed."""

    arguments: dict[str, Argument]
    evidence: Evidence
