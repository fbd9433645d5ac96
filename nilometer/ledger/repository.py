"""The hosts and VMs that commands name, remembered between commands and brought up to date from their streams.

What is remembered may be behind what other programs have recorded. That is harmless where something is then written,
because a version can be written only once; a refusal is believed only after ``refresh``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import apply_to_vm
from domain.envelope import Envelope
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.events import Event, VmEvent
from domain.identifiers import UtcTime, host_stream, vm_stream
from domain.state import Vm
from nilometer.storage.application import LedgerApplication
from projections.advancing import advance
from projections.tracked import AnyTracked

REMEMBERED: Final = 20_000
"""When so many hosts and VMs are remembered, all are forgotten: memory stays flat, however many there are."""


class Repository:
    """A ``domain.deciding.decider.World`` on a ledger."""

    def __init__(
        self,
        application: LedgerApplication,
        load: Callable[[str], AnyTracked | None],
        count_vms_on: Callable[[str], int],
    ) -> None:
        self._application = application
        self._load = load
        self._count_vms_on = count_vms_on
        self._known: dict[str, AnyTracked] = {}
        """Hosts and VMs by the names of their streams."""
        self.touched: set[str] = set()
        """The streams that were read since this was last cleared."""

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id. Raises ``UnknownVm``, or ``InputError`` if a hypervisor decides about it."""
        stream = vm_stream(id)
        tracked = self._known.get(stream) or self._fetch(stream)
        if tracked is None or tracked.subject.removed:
            raise UnknownVm(id, hint=_history("vm", id) if tracked else "")
        subject = tracked.subject
        if not isinstance(subject, VmAggregate):
            raise _observed("VM", id)
        self.touched.add(stream)
        return subject

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id. Raises ``UnknownHost``, or ``InputError`` if a hypervisor decides about it."""
        stream = host_stream(id)
        tracked = self._known.get(stream) or self._fetch(stream)
        if tracked is None or tracked.subject.removed:
            raise UnknownHost(id, hint=_history("host", id) if tracked else "")
        subject = tracked.subject
        if not isinstance(subject, HostAggregate):
            raise _observed("host", id)
        self.touched.add(stream)
        return subject

    def is_taken(self, stream: str) -> bool:
        """Whether a stream of this name ever began."""
        return self._known.get(stream) is not None or self._application.last(stream) is not None

    def vms_on(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        return self._count_vms_on(host)

    def as_of(self, streams: Iterable[str]) -> UtcTime:
        """When the latest event of these streams happened; empty if none did."""
        latest = UtcTime("")
        for stream in streams:
            tracked = self._known.get(stream)
            if tracked is not None and tracked.as_of > latest:
                latest = tracked.as_of
        return latest

    def version(self, stream: str) -> int:
        """The version of a stream that is remembered; 0 if it is not."""
        tracked = self._known.get(stream)
        return 0 if tracked is None else tracked.subject.version

    def apply(self, envelope: Envelope[Event], after: Vm | None = None) -> None:
        """Lets an event happen to what is remembered. ``after`` is what it comes to, if it was decided just now."""
        tracked, event = self._known.get(envelope.stream), envelope.event
        if after is None or tracked is None or not isinstance(event, VmEvent):
            advance(self._known, envelope)
        elif isinstance(tracked.subject, VmAggregate):
            apply_to_vm(tracked.subject, event, after)
            tracked.as_of = max(tracked.as_of, envelope.metadata.happened)

    def refresh(self, streams: Iterable[str]) -> bool:
        """Brings streams up to date; whether anything had been recorded that was not remembered."""
        news = False
        for stream in streams:
            for envelope in self._application.stream(stream, after=self.version(stream)):
                self.apply(envelope)
                news = True
        return news

    def make_room(self) -> None:
        """Forgets all if too many are remembered. Not while something is decided that is not written yet."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()

    def forget(self, streams: Iterable[str]) -> None:
        """Forgets these streams: they are read anew when they are next named."""
        for stream in streams:
            self._known.pop(stream, None)

    def _fetch(self, stream: str) -> AnyTracked | None:
        loaded = self._load(stream)
        states = {} if loaded is None else {stream: loaded}
        for envelope in self._application.stream(stream, after=0 if loaded is None else loaded.subject.version):
            advance(states, envelope)
        self._known |= states
        return states.get(stream)


def _observed(kind: str, id: str) -> InputError:
    return InputError(
        f"the {kind} {id!r} is observed: a hypervisor decides about it, and Nilometer only records what it did",
        hint="record what was done with: nilo record",
    )


def _history(kind: str, id: str) -> str:
    return f"it was removed; its history stays: nilo log --{kind} {id}"
