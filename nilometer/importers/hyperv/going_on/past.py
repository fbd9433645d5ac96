"""What a ledger knows of hosts and VMs before an import goes on with them."""

from __future__ import annotations

from collections.abc import Iterator

from domain.envelope import Envelope
from domain.event import Event
from domain.identifiers import StreamName, host_stream, vm_stream
from domain.observed.events import Observed, VmObserved
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.observed.words import FAILED_JOB
from nilometer.ledger.ledger import Ledger


class LedgerPast:
    """A ledger as it was at a position, read one VM or host at a time."""

    def __init__(self, ledger: Ledger, position: int) -> None:
        self._ledger = ledger
        self._position = position

    def vm(self, id: str) -> ObservedVm:
        """A VM by all that is recorded of it."""
        state = ObservedVm.begin(id)
        self._replay(vm_stream(id), state)
        return state

    def host(self, id: str) -> ObservedHost:
        """A host by all that is recorded of it."""
        state = ObservedHost.begin(id)
        self._replay(host_stream(id), state)
        return state

    def failed_jobs(self, vm: str) -> list[str]:
        """The texts that are recorded of a VM's failed jobs."""
        events = (envelope.event for envelope in self._stream(vm_stream(vm)))
        return [
            event.told for event in events if isinstance(event, VmObserved) and event.label == FAILED_JOB and event.told
        ]

    def names(self) -> Iterator[tuple[str, str, str | None]]:
        """Id, name and host of each VM."""
        for id, tracked in self._ledger.views.fleet(self._position).vms.items():
            yield id, tracked.subject.name, tracked.subject.host

    def _stream(self, stream: StreamName) -> Iterator[Envelope[Event]]:
        return self._ledger.stream(stream, until_position=self._position)

    def _replay(self, stream: StreamName, state: ObservedVm | ObservedHost) -> None:
        for envelope in self._stream(stream):
            if isinstance(envelope.event, Observed):
                state.apply(envelope.event, envelope.metadata.happened, envelope.metadata.earliest)
