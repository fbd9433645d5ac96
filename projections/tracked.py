"""One host or VM as its events leave it, and when its last event happened. ``projections.advancing`` is the fold."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.aggregates import HostAggregate, VmAggregate
from domain.identifiers import UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last event that changed what a VM is assigned. Sizes are bytes; ``None`` is unknown."""

    position: int
    at: UtcTime
    before: int | None
    after: int | None


@dataclass(slots=True)
class Tracked(Generic[S]):
    """A host or a VM, and when its last event happened."""

    subject: S
    as_of: UtcTime
    """When the latest of its events happened: its figures are of that moment."""
    in_use_as_of: UtcTime | None = None
    """When the guest last reported its memory in use; ``None`` while that is unknown."""
    last_change: LastChange | None = None
    """The last change of what a VM is assigned; ``None`` of a host, and of a VM that never had another size."""


TrackedVm = Tracked[VmAggregate | ObservedVm]
TrackedHost = Tracked[HostAggregate | ObservedHost]
AnyTracked = TrackedVm | TrackedHost
States = MutableMapping[str, AnyTracked]
"""Hosts and VMs by the names of their streams."""
