"""What another tool did to a VM, as observed events: what was asked for, what moved, how it settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import uuid4

from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Decided, Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import (
    BASE_MEMORY,
    CauseIs,
    DeviceFigures,
    Grounds,
    Means,
    Observed,
    ObservedCode,
    VmChangeRequested,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
    WhyMoved,
)
from domain.observed.vm import ObservedVm
from nilometer.importers.settlement import build_refusal, build_settlement, find_cause
from nilometer.ledger.requests import Fact, Observation


@dataclass(frozen=True, slots=True)
class ReportedChange:
    """A change that somebody reports: the VM's memory that was asked for, before and after it, in bytes."""

    vm: str
    asked: int
    before: int
    after: int
    happened: str
    error: str | None = None
    """The error message of the tool, word for word."""
    in_use: int | None = None
    """What the guest used when the change was asked for."""

    @property
    def is_refused(self) -> bool:
        """Whether the tool reported an error, and nothing moved."""
        return self.error is not None and self.after == self.before != self.asked


@dataclass(slots=True)
class ChangeRecorder:
    """Builds the facts of one change, in order, and applies each to the VM."""

    change: ReportedChange
    vm: ObservedVm
    facts: list[Fact] = field(default_factory=list[Fact])

    def add(self, event: Observed, earliest: str | None = None) -> None:
        """Adds the next fact; ``earliest`` is the beginning of the interval, if only an interval is known."""
        moment = UtcTime(self.change.happened)
        since = UtcTime(earliest) if earliest is not None and earliest < moment else None
        self.vm.apply(event, moment, since)
        self.facts.append(Fact(stream=vm_stream(self.change.vm), event=event, happened=moment, earliest=since))

    def add_state_before(self) -> None:
        """Adds what the VM had before the change, as far as that is news."""
        change, known = self.change, self.vm.size(BASE_MEMORY)
        if known is not None and known != change.before:  # it moved since the last figure, and that was not recorded
            self.add_move(known, change.before, None, self.vm.measured.get("assigned"))
        if known is None or change.in_use is not None:
            base = DeviceFigures(device=BASE_MEMORY, means=Means.BOOT, size=change.before)
            self.add(VmObserved(devices=(base,), in_use=change.in_use))

    def add_request(self) -> VmChangeRequested:
        """Adds the request; one that was still open is superseded by it, unless it is refused."""
        change, older = self.change, self.vm.open_request(BASE_MEMORY)
        if older is not None and not change.is_refused:
            superseded = ObservedCode.SUPERSEDED, CauseIs.INFERRED
            self.add(build_settlement(older, superseded, grounds=Grounds()))
        request = VmChangeRequested(
            request=self.vm.requests_made + 1,
            device=BASE_MEMORY,
            means=Means.BOOT,
            size_from=change.before,
            target=change.asked,
            amount=abs(change.asked - change.before),
            accepted=not change.is_refused,
            asked=None,
            answer=change.error,
            grounds=Grounds(assigned=change.before, in_use=change.in_use),
        )
        self.add(request)
        return request

    def add_move(self, before: int, after: int, request: int | None, earliest: str | None = None) -> None:
        """Adds a move, and the number of the request that it serves."""
        self.add(
            VmMemoryMoved(
                device=BASE_MEMORY,
                means=Means.BOOT,
                size_from=before,
                size_to=after,
                why=WhyMoved.UNASKED if request is None else WhyMoved.REQUEST,
                request=request,
            ),
            earliest,
        )

    def add_settlement(self, requested: VmChangeRequested) -> VmRequestSettled:
        """Adds how the request settled."""
        change, request = self.change, self.vm.open_request(BASE_MEMORY)
        if change.is_refused or request is None:
            settled = build_refusal(requested, change.error)
        else:
            grounds = Grounds(assigned=change.after, in_use=change.in_use)
            cause = find_cause(request, grounds)
            if cause[0] is ObservedCode.NOT_REPORTED and change.error is not None:
                cause = ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.REPORTED
            settled = replace(build_settlement(request, cause, grounds=grounds), told=change.error)
        self.add(settled)
        return settled


def record_change(change: ReportedChange, stream: Iterable[Envelope[Event]]) -> tuple[Observation, VmRequestSettled]:
    """Builds the observation of a change, and says how it settled. ``stream`` holds the events of the VM up to now.

    Raises ``InputError`` for a VM that Nilometer decides about, or whose memory is recorded by device.
    """
    recorder = ChangeRecorder(change, _fold(change.vm, stream))
    recorder.add_state_before()
    requested = recorder.add_request()
    if change.after != change.before:
        serves = (change.after > change.before) == (change.asked > change.before) and change.asked != change.before
        recorder.add_move(change.before, change.after, requested.request if serves else None)
    settled = recorder.add_settlement(requested)
    correlation = f"{change.vm}/{requested.request}"
    key = f"record/{uuid4().hex}"
    return Observation(key=key, facts=tuple(recorder.facts), correlation=correlation), settled


def _fold(id: str, stream: Iterable[Envelope[Event]]) -> ObservedVm:
    vm = ObservedVm.begin(id)
    for envelope in stream:
        if isinstance(envelope.event, Decided):
            raise InputError(
                f"the VM {id!r} is decided by this ledger: it cannot be observed",
                hint=f"ask for the change instead: nilo do set-memory {id} SIZE",
            )
        if isinstance(envelope.event, Observed):
            vm.apply(envelope.event, envelope.metadata.happened, envelope.metadata.earliest)
    others = sorted(vm.accounts.keys() - {BASE_MEMORY})
    if others:
        raise InputError(
            f"the memory of VM {id!r} is recorded by device ({', '.join(others)}): a change must name one",
            hint="import it from the hypervisor: nilo import-qemu --help",
        )
    return vm
