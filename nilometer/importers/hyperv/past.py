"""What a ledger knows of hosts and VMs before an import goes on with them."""

from __future__ import annotations

from collections.abc import Iterator

from domain.identifiers import host_stream, vm_stream
from domain.observed.events import FAILED_JOB, Observed, VmObserved
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.ledger.ledger import Ledger


class LedgerPast:
    """A ledger, asked for one VM or host at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def vm(self, id: str) -> ObservedVm:
        """A VM by all that is recorded of it."""
        fold = ObservedVm.begin(id)
        for each in self._ledger.stream(vm_stream(id)):
            if isinstance(each.event, Observed):
                fold.apply(each.event, each.metadata.happened, each.metadata.earliest)
        return fold

    def host(self, id: str) -> ObservedHost:
        """A host by all that is recorded of it."""
        fold = ObservedHost.begin(id)
        for each in self._ledger.stream(host_stream(id)):
            if isinstance(each.event, Observed):
                fold.apply(each.event, each.metadata.happened, each.metadata.earliest)
        return fold

    def failed_jobs(self, vm: str) -> list[str]:
        """What was told of each job of a VM that failed."""
        told = (each.event for each in self._ledger.stream(vm_stream(vm)))
        return [each.told for each in told if isinstance(each, VmObserved) and each.label == FAILED_JOB and each.told]

    def names(self) -> Iterator[tuple[str, str, str | None]]:
        """The id of each VM, what it is called, and the host that it is on."""
        for id, tracked in self._ledger.views.fleet().vms.items():
            yield id, tracked.subject.name, tracked.subject.host
