"""Records what people report: a change that another tool made, and that a VM or host is gone for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

from domain.envelope import Envelope
from domain.errors import InputError, UnknownVm
from domain.events import Decided, Event
from domain.identifiers import StreamName, host_stream, split_stream, vm_stream
from domain.observed.events import (
    HostRetired,
    Observed,
    VmAnnotated,
    VmChangeRequested,
    VmMemoryMoved,
    VmRequestSettled,
    VmRetired,
)
from nilometer.errors import UnreadableEvent
from nilometer.importers.manual import ReportedChange, build_change
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation
from nilometer.ledger.validating import check_fields
from nilometer.ledger.values import Check, check_optional, check_size, check_stream, check_time, check_words
from nilometer.storage.reader import check_position
from nilometer.times import current_time
from nilometer.views.log import Filter

NEW_VM: Final = 'if the VM is new, say so: --new ("new": true in a line of reports, new=True in Python)'


_REPORT: Final[Mapping[str, Check]] = {
    "vm": check_words,
    "asked": check_size,
    "before": check_size,
    "after": check_size,
    "happened": check_time,
    "error": check_optional(check_words),
    "in_use": check_optional(check_size),
    "host": check_optional(check_words),
}


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change as it was recorded."""

    change: ReportedChange
    settled: VmRequestSettled
    """How the request settled: what was granted, and why it fell short."""
    positions: tuple[int, ...]
    remarks: tuple[str, ...] = ()
    """What is odd about the report, in sentences."""
    repeated: bool = False
    """Whether it was recorded before, under the same key."""


def record_change(
    ledger: Ledger,
    change: ReportedChange,
    *,
    actor: str,
    via: str,
    reason: str | None = None,
    correlation: str | None = None,
    key: str | None = None,
    new: bool = False,
    at_ahead: bool = False,
) -> RecordedChange:
    """Records a change that another tool made to an observed VM. Sizes are bytes, ``change.happened`` is UTC.

    Only with ``new`` the VM may be one that the ledger does not know, and only with ``at_ahead`` the change may happen
    over a day ahead of the clock. A second report under the same ``key`` is not
    recorded, and gets the result of the first. Raises ``UnknownVm``; ``InputError`` for a VM or host that the ledger
    decides about, and for a change before the VM was known. Nothing was recorded then.
    """
    check_fields(change, ReportedChange, _REPORT)
    if key is not None:
        check_words("key", key)
        before = _find_recorded(ledger, change, f"record/{key}")
        if before is not None:
            return before
    stream = vm_stream(change.vm)
    if not new and next(iter(ledger.stream(stream)), None) is None:
        raise UnknownVm(change.vm, hint=NEW_VM)
    if change.host is not None:
        _check_observed(ledger, host_stream(change.host))
    built = build_change(change, ledger.stream(stream), key=key)
    observation = Observation(
        key=built.observation.key,
        facts=built.observation.facts,
        correlation=correlation or built.observation.correlation,
        reason=reason,
    )
    (positions,) = ledger.record([observation], actor=actor, via=via, at_ahead=at_ahead)
    return RecordedChange(change=change, settled=built.settled, positions=positions, remarks=built.remarks)


def _find_recorded(ledger: Ledger, change: ReportedChange, key: str) -> RecordedChange | None:
    """Finds what was recorded under a key. Raises ``InputError`` if it was of another VM, or no report."""
    receipt = next(iter(ledger.recorder.receipts([key])), None)
    if receipt is None:
        return None
    recorded = list(ledger.events(receipt.position - 1, receipt.position - 1 + receipt.events))
    if not recorded:
        raise InputError(f"the key {key!r} was used before, for a command", hint="give this report a key of its own")
    settled = recorded[-1].event
    if not isinstance(settled, VmRequestSettled) or recorded[-1].stream != vm_stream(change.vm):
        other = recorded[-1].stream
        raise InputError(f"the key {key!r} was used before, for {other}", hint="give this report a key of its own")
    positions = tuple(one.position for one in recorded)
    return RecordedChange(change=change, settled=settled, positions=positions, repeated=True)


def retire(
    ledger: Ledger,
    stream: StreamName,
    *,
    actor: str,
    via: str,
    reason: str | None = None,
    correlation: str | None = None,
    happened: str | None = None,
    at_ahead: bool = False,
) -> int:
    """Records that an observed VM or host (``vm/web01``, ``host/hv01``) is gone for good; returns the position.

    Its history stays, and it comes back by itself if it is seen again. Raises ``InputError`` for one that the ledger
    does not know or decides about: nothing was recorded then.
    """
    check_stream("stream", stream)
    _check_observed(ledger, stream, must_exist=True)
    is_vm = split_stream(stream)[0] == "vm"
    moment = current_time(ledger.clock) if happened is None else check_time("happened", happened)
    fact = Fact(stream=stream, event=VmRetired() if is_vm else HostRetired(), happened=moment)
    observation = Observation(
        key=f"retire/{uuid4().hex}", facts=(fact,), correlation=correlation or uuid4().hex, reason=reason
    )
    ((position,),) = ledger.record([observation], actor=actor, via=via, at_ahead=at_ahead)
    return position


def annotate(
    ledger: Ledger,
    position: int,
    *,
    actor: str,
    via: str,
    reason: str | None = None,
    ticket: str | None = None,
    approved_by: str | None = None,
) -> int:
    """Adds to what is recorded at a position why it was done, its ticket and who approved it; returns the position.

    The event itself stays as it is. Raises ``InputError`` for a position where there is no event of an observed VM, or
    one of those that followed from a request, and if nothing is added: nothing was recorded then.
    """
    check_position("position", position)
    added = VmAnnotated(about=0, reason=reason, ticket=ticket, approved_by=approved_by)
    if not any((reason, ticket, approved_by)):
        raise InputError("nothing is added", hint="add --reason, --ticket or --approved-by")
    envelope = next(ledger.events(position - 1, position), None) if position > 0 else None
    if envelope is None:
        raise InputError(f"there is no position {position}", hint="nilo log --asked lists requests with theirs")
    if split_stream(envelope.stream)[0] != "vm" or isinstance(envelope.event, Decided):
        why = f"position {position} is not an event of an observed VM"
        own = "what this ledger decides has its reason with it: nilo do … --reason"
        is_observed = isinstance(envelope.event, Observed)
        raise InputError(why, hint="nilo log --asked lists requests with their positions" if is_observed else own)
    if isinstance(envelope.event, VmAnnotated):  # what is added to it would be shown nowhere
        place = envelope.stream, envelope.event.about
        of_vm = ledger.views.log(Filter(vm=split_stream(envelope.stream)[1]))
        known = next((one.position for one in of_vm if (one.stream, one.version) == place), None)
        hint = "nilo log --asked lists requests" if known is None else f"add it to that: nilo annotate {known}"
        raise InputError(f"position {position} is itself what was added to another event", hint=hint)
    asked = _find_request(ledger, envelope)
    if asked is not None:
        why = f"position {position} is what came of the request at position {asked}"
        raise InputError(why, hint=f"add it to the request: nilo annotate {asked}")
    fact = Fact(
        stream=envelope.stream, event=replace(added, about=envelope.version), happened=envelope.metadata.happened
    )
    correlation = envelope.metadata.correlation
    observation = Observation(key=f"annotate/{uuid4().hex}", facts=(fact,), correlation=correlation)
    ((recorded,),) = ledger.record([observation], actor=actor, via=via)
    return recorded


def _find_request(ledger: Ledger, envelope: Envelope[Event]) -> int | None:
    """The position of the request from which an event followed, if it did."""
    event = envelope.event
    if not isinstance(event, VmMemoryMoved | VmRequestSettled) or event.request is None:
        return None
    of_the_same = Filter(vm=split_stream(envelope.stream)[1], correlation=envelope.metadata.correlation)
    for found in ledger.views.log(of_the_same):
        if isinstance(found, UnreadableEvent) or not isinstance(found.event, VmChangeRequested):
            continue
        if found.event.request == event.request:
            return found.position
    return None


def _check_observed(ledger: Ledger, stream: StreamName, *, must_exist: bool = False) -> None:
    """Raises ``InputError`` for a VM or host that the ledger decides about, or that it does not know."""
    kind, id = split_stream(stream)
    named = f"{'VM' if kind == 'vm' else kind} {id!r}"
    first = next(iter(ledger.stream(stream)), None)
    if first is None and must_exist:
        raise InputError(f"there is no {named}", hint="nilo view lists what there is")
    if first is not None and isinstance(first.event, Decided):
        remove = f"nilo do remove-{kind} {id}" if must_exist else "leave the host out, or name another"
        raise InputError(f"the {named} is decided by this ledger: it cannot be observed", hint=remove)
