"""Requests of one VM: asked for by a command, settled by a step, a late move, a later request, or the VM's end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from domain.observed.events import CauseIs, ObservedCode, VmChangeRequested, VmLost, VmObserved
from domain.observed.vm import OpenRequest
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.records import CommandRecord, Json, StepOutcome, StepRecord, as_object, to_verbatim
from nilometer.importers.qemu.sizes import MODULES, means_of
from nilometer.importers.qemu.vm import QemuVm, source
from nilometer.importers.settlement import Cause, build_refusal, build_settlement, find_cause

_BY_HYPERVISOR: Final = (ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.TOLD)
BY_GUEST: Final = (ObservedCode.REFUSED_BY_GUEST, CauseIs.TOLD)


def command(vm: QemuVm, entry: QueuedRecord, record: CommandRecord) -> None:
    """QEMU was asked for a size: told as asked, and at once as settled if it refused."""
    arguments = note_device(vm, record)
    for device, target in entry.sizes.items():
        size = _size_now(vm, device)
        event = _asked(vm, entry, device, target, size, accepted=record.accepted)
        said = None if record.reply is None else to_verbatim(record.reply)
        event = replace(event, asked=None if record.qmp is None else to_verbatim(record.qmp), answer=said)
        request = _ask(vm, entry, event)
        vm.seen[device] = max(entry.t, vm.seen.get(device, ""))
        if device == MODULES and isinstance(name := arguments.get("id"), str):
            vm.modules[event.request] = name
        if request is None:
            said = as_object(as_object(record.reply).get("error")).get("desc")
            _refuse(vm, entry, event, said if isinstance(said, str) else event.answer)
        elif vm.is_off:
            settle(vm, entry, request, (entry.t, entry.after), (ObservedCode.VM_STOPPED, CauseIs.INFERRED))
        elif entry.step is not None:
            vm.stepping.add(event.request)
        elif request.reached:
            settle(vm, entry, request, (entry.t, entry.after))


def _size_now(vm: QemuVm, device: str) -> int | None:
    if vm.is_off:
        return None
    size = vm.fold.size(device)
    return 0 if size is None and device == MODULES and vm.fold.session is not None else size


def _asked(
    vm: QemuVm, entry: QueuedRecord, device: str, target: int, size: int | None, *, accepted: bool
) -> VmChangeRequested:
    return VmChangeRequested(
        request=vm.fold.requests_made + 1,
        device=device,
        means=means_of(device),
        size_from=size,
        target=target,
        amount=None if size is None else abs(target - size),
        accepted=accepted,
        asked=None,
        answer=None,
        grounds=vm.grounds(device),
        record=source(entry),
    )


def _ask(vm: QemuVm, entry: QueuedRecord, event: VmChangeRequested) -> OpenRequest | None:
    """Tells a request, which takes the place of the one before it; gives it, if it was accepted."""
    number, device = event.request, event.device
    entry.request = number
    older = vm.fold.open_request(device)
    if event.accepted and older is not None:
        settle(vm, entry, older, (entry.t, entry.after), cause=(ObservedCode.SUPERSEDED, CauseIs.INFERRED))
        vm.stepping.discard(older.number)
    vm.tell(event, entry.t, entry.after, number)
    return vm.fold.open_request(device) if event.accepted else None


def note_device(vm: QemuVm, record: CommandRecord) -> Json:
    """Takes note of memory that QEMU was told to make or to plug; gives what it was told."""
    qmp = as_object(record.qmp)
    told = as_object(qmp.get("arguments"))
    if record.accepted:
        if qmp.get("execute") == "object-add":
            vm.machine.add_backend(told)
        elif qmp.get("execute") == "device_add":
            vm.machine.add_device(told)
    return told


def _refuse(vm: QemuVm, entry: QueuedRecord, asked: VmChangeRequested, told: str | None) -> None:
    """The hypervisor said no."""
    vm.tell(build_refusal(asked, told), entry.t, entry.after, asked.request)


def reached_late(vm: QemuVm, entry: QueuedRecord, devices: Iterable[str] | None = None) -> None:
    """Settles the requests that a record's sizes fulfilled and whose step has passed, or never was."""
    for device in entry.sizes if devices is None else list(devices):
        request = vm.fold.open_request(device)
        if request is not None and request.reached and request.number not in vm.stepping:
            settle(vm, entry, request, vm.moved.get(device, (entry.t, None)), late=request.settled is not None)


def step(vm: QemuVm, entry: QueuedRecord, record: StepRecord) -> None:
    """The driver calls a request settled: in full, short, or refused."""
    number = _without_command(vm, entry, record) if entry.command is None else entry.command.request
    vm.sizes(entry)
    request = next((r for r in vm.fold.requests.values() if r.number == number and r.still_open), None)
    told = record.note
    if number is not None:
        vm.stepping.discard(number)
    by_guest = None if number is None else vm.refused.pop(number, None)
    if record.outcome == StepOutcome.REFUSED_BY_GUEST:
        by_guest = record.note or by_guest or ""
    if record.outcome == StepOutcome.GUEST_LOST:
        said = [to_verbatim(part) for part in (record.guest_console, record.error) if part is not None]
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
        if request is not None and by_guest is not None:
            settle(vm, entry, request, (entry.t, None), BY_GUEST, by_guest or None)
        elif request is not None and record.outcome == StepOutcome.REFUSED:
            settle(vm, entry, request, (entry.t, None), _BY_HYPERVISOR, _why(record))
        elif request is not None:
            cause = find_cause(request, vm.grounds(request.device))
            settle(vm, entry, request, (entry.t, None), cause, still_open=True)
    reached_late(vm, entry)


def _why(record: StepRecord) -> str | None:
    return record.note if record.error is None else to_verbatim(record.error)


def _without_command(vm: QemuVm, entry: QueuedRecord, record: StepRecord) -> int | None:
    """The number of the request that a step is about whose command was not in front of it.

    If nobody told of the request, the step does: it was made at some time before the step.
    """
    for device, target in entry.asked.items():
        last = vm.fold.requests.get(device)
        if last is not None and last.target == target:
            return last.number  # its step came late
        if vm.is_off:
            return None
        size, accepted = entry.before.get(device, _size_now(vm, device)), record.outcome != StepOutcome.REFUSED
        event = _asked(vm, entry, device, target, size, accepted=accepted)
        since = vm.seen.get(device)
        request = _ask(vm, replace(entry, after=since), event)
        entry.request = event.request
        if request is None:
            _refuse(vm, entry, event, _why(record))
        elif (now := vm.fold.size(device)) is not None and now != size:
            told = VmObserved(devices=(vm.figures(device, now),), record=event.record)  # it moved before
            vm.tell(told, entry.t, since)
        return event.request
    return None


def lost(vm: QemuVm, entry: QueuedRecord, happened: str, told: str | None) -> None:
    """The guest is lost: nothing more comes of its requests, but what a step is still to tell."""
    for request in list(vm.fold.requests.values()):
        if request.still_open and request.number not in vm.stepping:
            settle(vm, entry, request, (happened, None), (ObservedCode.GUEST_LOST, CauseIs.TOLD), told)


def stopped(vm: QemuVm, entry: QueuedRecord, happened: str) -> None:
    """The VM stops: nothing is left open, but for what a step is still to tell about."""
    code = ObservedCode.GUEST_LOST if vm.fold.lost else ObservedCode.VM_STOPPED
    for request in list(vm.fold.requests.values()):
        if request.still_open and request.number not in vm.stepping:
            settle(vm, entry, request, (happened, None), (code, CauseIs.INFERRED))


def settle(
    vm: QemuVm,
    entry: QueuedRecord,
    request: OpenRequest,
    when: tuple[str, str | None],
    cause: Cause | None = None,
    told: str | None = None,
    *,
    still_open: bool = False,
    late: bool = False,
) -> None:
    """Tells what came of a request so far; ``when`` is the moment, and the beginning of the interval if it is one."""
    grounds = vm.grounds(request.device)
    event = build_settlement(
        request, cause, told, still_open=still_open, late=late, grounds=grounds, record=source(entry)
    )
    vm.tell(event, *when, request.number)
