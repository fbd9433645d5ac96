"""What any source of Hyper-V histories tells, in one form: readings. Sources read files into these, and no more.

Sizes are bytes, times in the form of ``domain.envelope.Metadata``; what a source does not tell is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any, Final, NamedTuple

from domain.settings import HostVersion
from domain.state import Power


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """A host was measured."""

    at: str
    host: str
    record: str
    """Where it was told, as ``spool.jsonl:12``."""
    version: HostVersion | None = None
    total: int | None = None
    available: int | None = None
    """The balancer's Available Memory: what the host has left for VMs."""


class VmReading(NamedTuple):
    """A VM was measured. One of ``vm_id`` and ``name`` is told. There are millions of them: hence a tuple."""

    at: str
    record: str
    uptime: int | None = None
    """Seconds since the guest booted."""
    guest_available: int | None = None
    # What stands above is another at every reading; what stands below seldom is.
    physical: int | None = None
    """The counter Physical Memory, if it was read beside ``assigned``: what goes with ``guest_available``."""
    added: int | None = None
    """All that was added since the VM started."""
    removed: int | None = None
    # What stands above is told with the rest. What stands below would be news.
    visible: int | None = None
    host: str | None = None
    vm_id: str | None = None
    """The VmId: lower case, without braces."""
    name: str | None = None
    power: Power | None = None
    """``None`` for a state that is no lasting one (starting, saving, critical), or that was not told."""
    generation: int | None = None
    config_version: str | None = None
    dynamic: bool | None = None
    """Whether Dynamic Memory sizes it. Of a static VM minimum, maximum, buffer and weight mean nothing."""
    startup: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    buffer: int | None = None
    weight: int | None = None
    assigned: int | None = None


SELDOM: Final[Callable[[VmReading], tuple[Any, ...]]] = itemgetter(slice(VmReading._fields.index("physical"), None))
"""What of a reading seldom is another than before."""
NEWS: Final[Callable[[VmReading], tuple[Any, ...]]] = itemgetter(slice(VmReading._fields.index("visible"), None))
"""What of a reading would be news if it were another than before."""


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

    at: str
    """When it was submitted."""
    record: str
    host: str
    job: str
    """Its instance id."""
    kind: JobKind
    vm_id: str | None = None
    owner: str | None = None
    ended: str | None = None
    in_full: bool | None = None
    """Whether it completed without a warning; ``None`` while it runs."""
    failed: bool = False
    """Whether it ended in an exception."""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReading:
    """One's own change, as ``Invoke-NiloChange`` spooled it."""

    at: str
    """When it was done."""
    since: str
    """When it began."""
    record: str
    host: str
    vm_id: str
    name: str | None
    user: str
    before: int | None
    after: int | None
    asked: int | None
    """The startup memory that the VM was configured to afterwards; of a static VM that was what was asked for."""
    command: str | None = None
    """What was typed, word for word."""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerReading:
    """An event log told of a VM's power state, or of a session."""

    at: str
    record: str
    host: str | None
    vm_id: str
    name: str | None
    power: Power | None
    new_session: bool = False
    """The guest started anew."""
    told: str | None = None


Reading = HostReading | VmReading | JobReading | ChangeReading | PowerReading


class Record(NamedTuple):
    """What stands in one place of a file."""

    readings: tuple[Reading, ...]
    """What it tells, at least one; they are taken together."""
    said: bytes
    """By what it is known again, in whatever file it stands and however that is packed and spaced."""
