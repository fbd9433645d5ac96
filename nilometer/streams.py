"""The hosts and VMs that commands name, remembered between commands and brought up to date from their streams.

What is remembered may be behind what other programs have recorded. That is harmless where something is then written,
because a version can be written only once; a refusal is believed only after ``refresh``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, cast

from domain.aggregates import HostAggregate, VmAggregate, host_stream, vm_stream
from domain.envelope import Envelope
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.events import Event, VmEvent
from domain.state import Vm
from nilometer.application import LedgerApplication
from projections.tracked import TrackedHost, TrackedVm, advance_host, advance_vm

REMEMBERED: Final = 20_000
"""How many hosts and VMs are remembered before all are forgotten: memory stays flat, however many there are."""


class Streams:
    """A ``domain.decider.World`` on a ledger."""

    def __init__(
        self,
        application: LedgerApplication,
        load: Callable[[str], TrackedVm | TrackedHost | None],
        count_vms_on: Callable[[str], int],
    ) -> None:
        self._application = application
        self._load = load
        self._count_vms_on = count_vms_on
        self._vms: dict[str, TrackedVm] = {}
        self._hosts: dict[str, TrackedHost] = {}
        self.touched: set[str] = set()
        """The streams that were read since this was last cleared."""

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id. Raises ``UnknownVm``, or ``InputError`` if a hypervisor decides about it."""
        tracked = self._vms.get(id) or self._fetch_vm(id)
        if tracked is None or tracked.subject.removed:
            raise UnknownVm(id, hint=_history("vm", id) if tracked else "")
        if not isinstance(tracked.subject, VmAggregate):
            raise _observed("VM", id)
        self.touched.add(vm_stream(id))
        return tracked.subject

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id. Raises ``UnknownHost``, or ``InputError`` if a hypervisor decides about it."""
        tracked = self._hosts.get(id) or self._fetch_host(id)
        if tracked is None or tracked.subject.removed:
            raise UnknownHost(id, hint=_history("host", id) if tracked else "")
        if not isinstance(tracked.subject, HostAggregate):
            raise _observed("host", id)
        self.touched.add(host_stream(id))
        return tracked.subject

    def is_taken(self, stream: str) -> bool:
        """Whether a stream of this name ever began."""
        return self._tracked(stream) is not None or self._application.last(stream) is not None

    def vms_on(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        return self._count_vms_on(host)

    def as_of(self, streams: Iterable[str]) -> str:
        """When the latest event of these streams happened; empty if none did."""
        latest = ""
        for stream in streams:
            tracked = self._tracked(stream)
            if tracked is not None and tracked.as_of > latest:
                latest = tracked.as_of
        return latest

    def version(self, stream: str) -> int:
        """The version of a stream that is remembered; 0 if it is not."""
        tracked = self._tracked(stream)
        return 0 if tracked is None else tracked.subject.version

    def apply(self, envelope: Envelope[Event], after: Vm | None = None) -> None:
        """Lets an event happen to what is remembered. ``after`` is what it comes to, if it was decided just now."""
        kind, _, id = envelope.stream.partition("/")
        if kind == "host":
            self._hosts[id] = advance_host(self._hosts.get(id), envelope)
        elif after is None or not isinstance(envelope.event, VmEvent):
            self._vms[id] = advance_vm(self._vms.get(id), envelope)
        else:
            tracked = self._vms[id]
            tracked.subject.apply(envelope.event, after)
            tracked.as_of = max(tracked.as_of, envelope.metadata.happened)

    def refresh(self, streams: Iterable[str]) -> bool:
        """Brings streams up to date; whether anything had been recorded that was not remembered."""
        news = False
        for stream in streams:
            for envelope in self._application.stream(stream, after=self.version(stream)):
                self.apply(envelope)
                news = True
        return news

    def forget(self, streams: Iterable[str] | None = None) -> None:
        """Forgets these streams, or all: they are read anew when they are next named."""
        if streams is None:
            self._vms.clear()
            self._hosts.clear()
            return
        for stream in streams:
            kind, _, id = stream.partition("/")
            if kind == "vm":
                self._vms.pop(id, None)
            else:
                self._hosts.pop(id, None)

    def _tracked(self, stream: str) -> TrackedVm | TrackedHost | None:
        kind, _, id = stream.partition("/")
        return self._vms.get(id) if kind == "vm" else self._hosts.get(id)

    def _fetch_vm(self, id: str) -> TrackedVm | None:
        stream = vm_stream(id)
        tracked = cast("TrackedVm | None", self._load(stream))
        for envelope in self._application.stream(stream, after=0 if tracked is None else tracked.subject.version):
            tracked = advance_vm(tracked, envelope)
        if tracked is not None:
            self._make_room()
            self._vms[id] = tracked
        return tracked

    def _fetch_host(self, id: str) -> TrackedHost | None:
        stream = host_stream(id)
        tracked = cast("TrackedHost | None", self._load(stream))
        for envelope in self._application.stream(stream, after=0 if tracked is None else tracked.subject.version):
            tracked = advance_host(tracked, envelope)
        if tracked is not None:
            self._make_room()
            self._hosts[id] = tracked
        return tracked

    def _make_room(self) -> None:
        if len(self._vms) + len(self._hosts) >= REMEMBERED:
            self.forget()


def _observed(kind: str, id: str) -> InputError:
    return InputError(
        f"the {kind} {id!r} is observed: a hypervisor decides about it, and Nilometer only records what it did",
        hint="record what was done with: nilo record",
    )


def _history(kind: str, id: str) -> str:
    return f"it was removed; its history stays: nilo log --{kind} {id}"
