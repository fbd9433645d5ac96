"""Requests of one VM: asked for by a command, settled by a step, a late move, a later request, or the VM's end."""

from __future__ import annotations

from domain.decision import Code, Outcome, outcome_of
from domain.observed import CauseIs, ObservedCode, VmChangeRequested, VmLost, VmRequestSettled
from domain.observed_vm import OpenRequest
from nilometer.importers.causes import why_short
from nilometer.importers.qemu_order import Entry
from nilometer.importers.qemu_records import Command, Step, StepOutcome, as_object, verbatim
from nilometer.importers.qemu_sizes import MODULES, means_of
from nilometer.importers.qemu_vm import VmReading, source

Cause = tuple[Code | ObservedCode, CauseIs]


def command(vm: VmReading, entry: Entry, record: Command) -> None:
    """QEMU was asked for a size: told as asked, and at once as settled if it refused."""
    note_device(vm, record)
    if vm.is_off:
        return
    for device, target in entry.sizes.items():
        size = vm.fold.size(device)
        if size is None and device == MODULES and vm.fold.session is not None:
            size = 0
        number = entry.request = vm.fold.requests_made + 1
        older = vm.fold.open_request(device)
        if record.accepted and older is not None:
            settle(vm, entry, older, (entry.t, entry.after), cause=(ObservedCode.SUPERSEDED, CauseIs.INFERRED))
            vm.stepping.discard(older.number)
        amount = None if size is None else abs(target - size)
        event = VmChangeRequested(
            request=number,
            device=device,
            means=means_of(device),
            size_from=size,
            target=target,
            amount=amount,
            accepted=record.accepted,
            asked=verbatim(record.qmp),
            answer=None if record.reply is None else verbatim(record.reply),
            grounds=vm.grounds(device),
            record=source(entry),
        )
        vm.tell(event, entry.t, entry.after, number)
        vm.seen[device] = max(entry.t, vm.seen.get(device, ""))
        request = vm.fold.open_request(device)
        if not record.accepted:
            vm.tell(_refusal(event, record), entry.t, entry.after, number)
        elif entry.step is not None:
            vm.stepping.add(number)
        elif request is not None and request.reached:
            settle(vm, entry, request, (entry.t, entry.after))


def note_device(vm: VmReading, record: Command) -> None:
    """Takes note of memory that QEMU was told to make or to plug."""
    told = as_object(record.qmp.get("arguments"))
    if record.accepted:
        if record.qmp.get("execute") == "object-add":
            vm.machine.add_backend(told)
        elif record.qmp.get("execute") == "device_add":
            vm.machine.add_device(told)


def _refusal(asked: VmChangeRequested, record: Command) -> VmRequestSettled:
    said = as_object(as_object(record.reply).get("error")).get("desc")
    return VmRequestSettled(
        request=asked.request,
        device=asked.device,
        amount=asked.amount,
        granted=0,
        remaining=asked.amount,
        outcome=Outcome.REJECTED,
        code=ObservedCode.REFUSED_BY_HYPERVISOR,
        cause_is=CauseIs.TOLD,
        told=said if isinstance(said, str) else asked.answer,
        grounds=asked.grounds,
        record=asked.record,
    )


def reached_late(vm: VmReading, entry: Entry) -> None:
    """Settles the requests that a record's sizes fulfilled and whose step has passed, or never was."""
    for device in entry.sizes:
        request = vm.fold.open_request(device)
        if request is not None and request.reached and request.number not in vm.stepping:
            settle(vm, entry, request, vm.moved.get(device, (entry.t, None)), late=request.settled is not None)


def step(vm: VmReading, entry: Entry, record: Step) -> None:
    """The driver calls a request settled: in full, short, or refused."""
    vm.sizes(entry)
    number = None if entry.command is None else entry.command.request
    request = next((r for r in vm.fold.requests.values() if r.number == number and r.still_open), None)
    if number is not None:
        vm.stepping.discard(number)
    if record.outcome is StepOutcome.GUEST_LOST:
        said = [verbatim(part) for part in (record.guest_console, record.error) if part is not None]
        told = " ".join(said) or record.note
        vm.tell(VmLost(told=told, record=source(entry)), entry.t, entry.after, number)
        if request is not None:
            settle(vm, entry, request, (entry.t, None), (ObservedCode.GUEST_LOST, CauseIs.TOLD), told)
    elif request is not None and request.reached:
        moved = vm.moved.get(request.device)
        asked = request.asked_at, request.asked_after
        settle(vm, entry, request, asked if request.size_from == request.size or moved is None else moved)
        vm.measure(entry, record.note)
    else:
        vm.measure(entry, record.note)
        if request is not None and record.outcome is StepOutcome.REFUSED_BY_GUEST:
            by_guest = ObservedCode.REFUSED_BY_GUEST, CauseIs.TOLD
            settle(vm, entry, request, (entry.t, None), by_guest, record.note)
        elif request is not None:
            cause = why_short(request, vm.grounds(request.device))
            settle(vm, entry, request, (entry.t, None), cause, still_open=True)
    reached_late(vm, entry)


def stopped(vm: VmReading, entry: Entry, happened: str) -> None:
    """The VM stops: nothing is left open, but for what a step is still to tell about."""
    for request in list(vm.fold.requests.values()):
        if request.still_open and request.number not in vm.stepping:
            settle(vm, entry, request, (happened, None), (ObservedCode.VM_STOPPED, CauseIs.INFERRED))


def settle(
    vm: VmReading,
    entry: Entry,
    request: OpenRequest,
    when: tuple[str, str | None],
    cause: Cause | None = None,
    told: str | None = None,
    *,
    still_open: bool = False,
    late: bool = False,
) -> None:
    """Tells what came of a request so far; ``when`` is the moment, and the beginning of the interval if it is one."""
    granted, amount = request.granted, request.amount
    remaining = None if granted is None or amount is None else amount - granted
    if granted is None or amount is None:
        outcome = Outcome.COMPLETED if request.reached else Outcome.FAILED
    else:
        outcome = outcome_of(granted, amount)
    if outcome is Outcome.COMPLETED and cause is not None:
        cause, told, still_open = None, None, False
    code, cause_is = cause or (None, None)
    event = VmRequestSettled(
        request=request.number,
        device=request.device,
        amount=amount,
        granted=granted,
        remaining=remaining,
        outcome=outcome,
        code=code,
        cause_is=cause_is,
        told=told,
        still_open=still_open,
        late=late,
        grounds=vm.grounds(request.device),
        record=source(entry),
    )
    vm.tell(event, *when, request.number)
