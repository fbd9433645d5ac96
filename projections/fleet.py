"""The fleet: all hosts and VMs as the events up to some moment leave them.

A fold: applying a history to an empty fleet, in order, gives the fleet at its end; applying a first part and then the
rest gives the same. What was removed leaves the fleet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.errors import NilometerError
from domain.identifiers import StreamName, split_stream
from domain.observed.host import HostAccount, ObservedHost, account_of
from domain.observed.vm import ObservedVm
from projections.tracked import TrackedHost, TrackedVm

if TYPE_CHECKING:
    from domain.envelope import Envelope
    from domain.event import Event


HISTORY: Final = ("vm", "host")
"""The kinds of streams whose events happened to hosts and VMs. When a file was imported says nothing of them."""


@dataclass(slots=True)
class Fleet:
    """All hosts and VMs that are there, by id. It changes in place, for the speed of replay."""

    position: int = 0
    """The position of the last event applied; 0 before the first."""
    latest: str | None = None
    """When the latest of the events applied happened; ``None`` before the first. An import is no history."""
    vms: dict[str, TrackedVm] = field(default_factory=dict[str, TrackedVm])
    hosts: dict[str, TrackedHost] = field(default_factory=dict[str, TrackedHost])
    ended: dict[StreamName, NilometerError] = field(default_factory=dict[StreamName, NilometerError], compare=False)
    """Streams with an event that cannot be read or cannot follow, and why: they are as they were before it."""
    _on: dict[str | None, set[str]] = field(default_factory=dict[str | None, set[str]], repr=False, compare=False)

    def on(self, host: str) -> frozenset[str]:
        """The ids of the VMs on a host, running or not."""
        return frozenset(self._on.get(host, ()))

    def observed_on(self, host: str) -> list[ObservedVm]:
        """The observed VMs on a host, by their ids."""
        vms = (self.vms[id].subject for id in sorted(self._on.get(host, ())))
        return [vm for vm in vms if isinstance(vm, ObservedVm)]

    def account(self, host: str) -> HostAccount:
        """What a host has and what its VMs hold of it, as far as it is known. It must be in the fleet."""
        subject = self.hosts[host].subject
        if isinstance(subject, ObservedHost):
            return account_of(subject, self.observed_on(host))
        state = subject.state
        book: dict[str, int | None] = dict(subject.book)
        return HostAccount(
            total=state.total,
            reserve=state.reserve,
            budget=None,
            book=book,
            held=state.held,
            free=state.free,
            measured_free=None,
            measured_at=None,
        )

    def put_vm(self, id: str, tracked: TrackedVm) -> None:
        """Takes a VM as it was stored; it leaves the fleet if it is removed."""
        before = self.vms.get(id)
        if before is not None:
            self._leave(id, before.subject.host)
        self._settle(id, tracked)

    def put_host(self, id: str, tracked: TrackedHost) -> None:
        """Takes a host as it was stored; it leaves the fleet if it is removed."""
        if tracked.subject.removed:
            self.hosts.pop(id, None)
        else:
            self.hosts[id] = tracked

    def apply(self, envelope: Envelope[Event]) -> None:
        """Applies the next event. Raises ``HistoryError`` if it cannot follow."""
        # Imported here: a fleet that was stored is read and shown without the classes of events.
        from projections.advancing import advance_host, advance_vm

        kind, id = split_stream(envelope.stream)
        if envelope.stream in self.ended:
            self.position = envelope.position
            return
        if kind == "vm":
            before = self.vms.get(id)
            host = None if before is None else before.subject.host
            after = advance_vm(before, envelope)
            if before is None or after.subject.host != host or after.subject.removed:
                self._leave(id, host)
                self._settle(id, after)
        elif kind == "host":
            self.put_host(id, advance_host(self.hosts.get(id), envelope))
        self.position = envelope.position
        happened = envelope.metadata.happened
        if kind in HISTORY and (self.latest is None or happened > self.latest):
            self.latest = happened

    def end(self, stream: StreamName, position: int, why: NilometerError) -> None:
        """Passes over an event that cannot be read or cannot follow, and from now on all others of its stream."""
        self.ended.setdefault(stream, why)
        self.position = position

    def apply_all(self, envelopes: Iterable[Envelope[Event]]) -> Fleet:
        """Applies events in order, and returns this fleet."""
        for envelope in envelopes:
            self.apply(envelope)
        return self

    def _leave(self, id: str, host: str | None) -> None:
        self.vms.pop(id, None)
        on = self._on.get(host)
        if on is not None:
            on.discard(id)
            if not on:
                del self._on[host]

    def _settle(self, id: str, tracked: TrackedVm) -> None:
        if not tracked.subject.removed:
            self.vms[id] = tracked
            self._on.setdefault(tracked.subject.host, set()).add(id)
