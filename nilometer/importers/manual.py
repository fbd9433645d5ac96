"""What another tool did to a VM, as observed facts: what was asked for, what moved, how it settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from domain.decision import Outcome, outcome_of
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
from nilometer.importers.causes import why_short
from nilometer.ledger.requests import Fact, Observation


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody tells of a change: the VM's memory that was asked for, before and after it, in bytes.

    ``error`` is what the tool said of it, word for word; ``in_use`` what the guest used when it was asked.
    """

    vm: str
    asked: int
    before: int
    after: int
    happened: str
    error: str | None = None
    in_use: int | None = None


@dataclass(slots=True)
class Recording:
    """The facts of one change, in order, each told to the fold of the VM as it is."""

    told: Told
    fold: ObservedVm
    facts: list[Fact] = field(default_factory=list[Fact])

    def tell(self, event: Observed, earliest: str | None = None) -> None:
        """The next fact; ``earliest`` is the beginning of the interval in which it happened, if it is no moment."""
        moment = UtcTime(self.told.happened)
        since = UtcTime(earliest) if earliest is not None and earliest < moment else None
        self.fold.apply(event, moment, since)
        self.facts.append(Fact(vm_stream(self.told.vm), event, moment, since))


def recording(told: Told, stream: Iterable[Envelope[Event]]) -> tuple[Observation, VmRequestSettled]:
    """The observation of a change, and how it settled. ``stream`` are the events of the VM up to now.

    Raises ``InputError`` for a VM that Nilometer decides about, or whose devices are told apart.
    """
    change = Recording(told, _fold(told.vm, stream))
    fold, number = change.fold, change.fold.requests_made + 1
    known = fold.size(BASE_MEMORY)
    if known is not None and known != told.before:  # it moved since it was last seen, and nobody told of it
        change.tell(_move(known, told.before, None), fold.measured.get("assigned"))
    if known is None or told.in_use is not None:
        base = DeviceFigures(BASE_MEMORY, Means.BOOT, told.before)
        change.tell(VmObserved(devices=(base,), in_use=told.in_use))
    older = fold.open_request(BASE_MEMORY)
    grounds = Grounds(assigned=told.before, in_use=told.in_use)
    refused = told.error is not None and told.after == told.before != told.asked
    amount = abs(told.asked - told.before)
    if older is not None and not refused:
        granted, asked = older.granted, older.amount
        change.tell(
            VmRequestSettled(
                request=older.number,
                device=BASE_MEMORY,
                amount=asked,
                granted=granted,
                remaining=None if granted is None or asked is None else asked - granted,
                outcome=Outcome.FAILED if not granted else Outcome.PARTIALLY_COMPLETED,
                code=ObservedCode.SUPERSEDED,
                cause_is=CauseIs.INFERRED,
            )
        )
    change.tell(
        VmChangeRequested(
            request=number,
            device=BASE_MEMORY,
            means=Means.BOOT,
            size_from=told.before,
            target=told.asked,
            amount=amount,
            accepted=not refused,
            asked=None,
            answer=told.error,
            grounds=grounds,
        )
    )
    if told.after != told.before:
        towards = (told.after > told.before) == (told.asked > told.before) and told.asked != told.before
        change.tell(_move(told.before, told.after, number if towards else None))
    settled = _settled(change, number, amount, refused=refused)
    change.tell(settled)
    story = f"{told.vm}/{number}"
    return Observation(f"record/{uuid4().hex}", tuple(change.facts), story), settled


def _move(before: int, after: int, request: int | None) -> VmMemoryMoved:
    why = WhyMoved.UNASKED if request is None else WhyMoved.REQUEST
    return VmMemoryMoved(
        device=BASE_MEMORY, means=Means.BOOT, size_from=before, size_to=after, why=why, request=request
    )


def _fold(vm: str, stream: Iterable[Envelope[Event]]) -> ObservedVm:
    fold = ObservedVm.begin(vm)
    for envelope in stream:
        if isinstance(envelope.event, Decided):
            raise InputError(
                f"the VM {vm!r} is decided by this ledger: it cannot be observed",
                hint=f"ask for the change instead: nilo do set-memory {vm} SIZE",
            )
        if isinstance(envelope.event, Observed):
            fold.apply(envelope.event, envelope.metadata.happened, envelope.metadata.earliest)
    others = sorted(fold.accounts.keys() - {BASE_MEMORY})
    if others:
        raise InputError(
            f"the memory of VM {vm!r} is told apart by device ({', '.join(others)}): a change must name one",
            hint="import it from the hypervisor: nilo import-qemu --help",
        )
    return fold


def _settled(change: Recording, number: int, amount: int, *, refused: bool) -> VmRequestSettled:
    told, request = change.told, change.fold.requests.get(BASE_MEMORY)
    grounds = Grounds(assigned=told.after, in_use=told.in_use)
    if refused or request is None:
        outcome, granted = Outcome.REJECTED, 0
        code, cause = ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.TOLD
        return VmRequestSettled(
            request=number,
            device=BASE_MEMORY,
            amount=amount,
            granted=granted,
            remaining=amount,
            outcome=outcome,
            code=code,
            cause_is=cause,
            told=told.error,
            grounds=grounds,
        )
    granted = request.granted or 0
    short = granted < amount
    why = why_short(request, grounds) if short else (None, None)
    if why[0] is ObservedCode.NOT_TOLD and told.error is not None:
        why = ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.TOLD
    return VmRequestSettled(
        request=number,
        device=BASE_MEMORY,
        amount=amount,
        granted=granted,
        remaining=amount - granted,
        outcome=outcome_of(granted, amount),
        code=why[0],
        cause_is=why[1],
        told=told.error,
        grounds=grounds,
    )
