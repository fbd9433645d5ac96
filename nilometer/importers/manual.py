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
    DeviceFigures,
    Grounds,
    Observed,
    VmChangeRequested,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, CauseIs, Means, ObservedCode, WhyMoved
from nilometer.importers.settlement import build_refusal, build_settlement, find_cause
from nilometer.ledger.requests import Fact, Observation
from nilometer.times import format_time
from rules.wording import format_exact_sizes


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
    host: str | None = None
    """The host that the VM was on."""

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
    remarks: list[str] = field(default_factory=list[str])
    """What is odd about the report, in sentences."""

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
            measured = self.vm.measured.get("assigned")
            had, before = format_exact_sizes([known, change.before])
            since = "" if measured is None else f" at {format_time(measured)}"
            self.remarks.append(
                f"{change.vm} had {had}{since} by what is known, and {before} before this change by the report: "
                "the difference is recorded as a change that nobody requested"
            )
            self.add_move(known, change.before, None, measured)
        host = change.host if change.host != self.vm.host else None
        if host is not None and self.vm.host is not None:
            self.remarks.append(f"{change.vm} was on host {self.vm.host} by what is known, and is now on {host}")
        if known is None or change.in_use is not None or host is not None:
            base = DeviceFigures(device=BASE_MEMORY, means=Means.BOOT, size=change.before)
            self.add(VmObserved(devices=(base,), in_use=change.in_use, host=host))

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


@dataclass(frozen=True, slots=True)
class BuiltChange:
    """The observation of a reported change, and how it settled."""

    observation: Observation
    settled: VmRequestSettled
    remarks: tuple[str, ...]
    """What is odd about the report, in sentences."""


def build_change(change: ReportedChange, stream: Iterable[Envelope[Event]], *, key: str | None = None) -> BuiltChange:
    """Builds the observation of a change. ``stream`` holds the events of the VM up to now.

    With a ``key`` it is recorded once.
    Raises ``InputError`` for a VM that Nilometer decides about, or whose memory is recorded by device; and for a change
    before the VM was known.
    """
    recorder = ChangeRecorder(change=change, vm=_fold(change, stream))
    recorder.add_state_before()
    requested = recorder.add_request()
    if change.after != change.before:
        serves = (change.after > change.before) == (change.asked > change.before) and change.asked != change.before
        recorder.add_move(change.before, change.after, requested.request if serves else None)
    settled = recorder.add_settlement(requested)
    observation = Observation(
        key=f"record/{key or uuid4().hex}",
        facts=tuple(recorder.facts),
        correlation=f"{change.vm}/{requested.request}",
    )
    return BuiltChange(observation, settled, tuple(recorder.remarks))


def _fold(change: ReportedChange, stream: Iterable[Envelope[Event]]) -> ObservedVm:
    id = change.vm
    vm = ObservedVm.begin(id)
    for envelope in stream:
        if isinstance(envelope.event, Decided):
            raise InputError(
                f"the VM {id!r} is decided by this ledger: it cannot be observed",
                hint=f"ask for the change instead: nilo do set-memory {id} SIZE",
            )
        if vm.version == 0 and change.happened < (envelope.metadata.earliest or envelope.metadata.happened):
            first = format_time(envelope.metadata.happened)
            raise InputError(
                f"at {format_time(change.happened)} the VM {id!r} was not known yet: it was first seen at {first}",
                hint="give a time from then on, or import what was seen before: nilo import-hyperv --help",
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
