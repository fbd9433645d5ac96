"""What the sources of Hyper-V histories record, in one form: readings. Sources turn files into these and do no more.

Sizes are bytes, times are ``UtcTime``; ``None`` where a source does not record a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from domain.identifiers import UtcTime
from domain.settings import HostVersion
from domain.state import Power


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """A host's own figures."""

    at: UtcTime
    host: str
    record: str
    """The place of the record, as ``spool.jsonl:12``."""
    version: HostVersion | None = None
    total: int | None = None
    available: int | None = None
    """The balancer's Available Memory: what the host has left for VMs."""
    lists_all: bool | None = None
    """Whether all VMs of the host stand beside it; ``None`` for a source that is not read regularly."""


class VmListing(NamedTuple):
    """What a host lists of a VM: its identity, settings and sizes. Any difference between two listings is news.

    ``vm_id`` or ``name`` is known. Listings seldom change, so consecutive readings share one.
    """

    host: str | None = None
    vm_id: str | None = None
    """The VmId: lower case, without braces."""
    name: str | None = None
    power: Power | None = None
    """``None`` for a state that does not last (starting, saving, critical), or that is not recorded."""
    generation: int | None = None
    config_version: str | None = None
    dynamic: bool | None = None
    """Whether Dynamic Memory sizes it. A static VM's minimum, maximum, buffer and weight mean nothing."""
    startup: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    buffer: int | None = None
    weight: int | None = None
    assigned: int | None = None
    visible: int | None = None


class VmReading(NamedTuple):
    """One reading of a VM. A fleet gives millions of them a day: hence a tuple."""

    at: UtcTime
    record: str
    listing: VmListing
    uptime: int | None = None
    """Seconds since the guest booted."""
    guest_available: int | None = None
    physical: int | None = None
    """The counter Physical Memory, if it was read beside ``assigned``: what goes with ``guest_available``."""
    added: int | None = None
    """All that was added since the VM started."""
    removed: int | None = None
    pressure: int | None = None
    """Dynamic Memory's current pressure, in percent: over 100 the guest needs more than it has."""


class JobKind(StrEnum):
    """What a job of the host was about, by its number."""

    ADD_MEMORY = "add-memory"
    REMOVE_MEMORY = "remove-memory"
    MODIFY = "modify-resources"
    CHECKPOINT = "apply-checkpoint"
    POWER = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReading:
    """A job of the host: the only general source of who changed a VM."""

    at: UtcTime
    """When it was submitted."""
    record: str
    host: str
    job: str
    """Its instance id."""
    kind: JobKind
    vm_id: str | None = None
    owner: str | None = None
    ended: UtcTime | None = None
    in_full: bool | None = None
    """Whether it completed without a warning; ``None`` while it runs."""
    failed: bool = False
    """Whether it ended in an exception."""
    error: str | None = None
    """The number of its error."""
    words: str | None = None
    """What it says of how it ended, where it did not end in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReading:
    """A change that ``Invoke-NiloChange`` made and spooled."""

    at: UtcTime
    """When it was done."""
    since: UtcTime
    """When it began."""
    record: str
    host: str
    vm_id: str
    name: str | None
    user: str
    before: int | None
    after: int | None
    requested: int | None
    """The startup memory that the VM was configured to afterwards; for a static VM that is the size requested."""
    command: str | None = None
    """The command as it was typed."""
    error: str | None = None
    id: str | None = None
    """Of its two files; ``None`` for a change that was spooled in one line."""
    via: str | None = None
    """The tool, and whether the host saw who wrote the files."""
    reason: str | None = None
    """Why it was made."""
    ticket: str | None = None
    remark: str | None = None
    """What is to be said of its end beside the command."""
    contradiction: str | None = None
    """Who the host saw instead of the user whom it names, in a sentence."""
    is_begun: bool = False
    """Its end is not recorded yet: ``at`` is when it began."""
    is_late: bool = False
    """Polls that came after its end were read before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerReading:
    """An event of a log about a VM's power state, or about a session."""

    at: UtcTime
    record: str
    host: str | None
    vm_id: str
    name: str | None
    power: Power | None
    new_session: bool = False
    """The guest started anew."""
    log_event: str | None = None
    """The event, such as ``Hyper-V-Worker 18500``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestReading:
    """What a guest reports of itself, once an hour."""

    at: UtcTime
    record: str
    vm_id: str
    system: str | None
    """Its operating system, as it names itself."""
    nested: bool | None
    """Whether the VM may run Hyper-V itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryReading:
    """What a host reports of itself, once an hour."""

    at: UtcTime
    record: str
    host: str
    booted: UtcTime | None = None
    cluster: str | None = None
    numa_spanning: bool | None = None
    numa_nodes: tuple[int, ...] = ()
    """What each NUMA node has, in bytes; empty if one of them is not known."""


Reading = InventoryReading | HostReading | VmReading | JobReading | ChangeReading | PowerReading | GuestReading


class SourceRecord(NamedTuple):
    """The readings at one place of a file."""

    readings: tuple[Reading, ...]
    """At least one; they are taken together."""
    identity: bytes
    """Identifies the record in any file, however that is packed and spaced."""
