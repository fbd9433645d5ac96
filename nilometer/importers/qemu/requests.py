"""Requests of one VM: asked for by a command; settled by a step, a refusal, a move, a later request or the VM's end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.observed.events import VmChangeRequested, VmLost, VmObserved
from domain.observed.vm import OpenRequest
from domain.observed.words import CauseIs, ObservedCode
from nilometer.importers.qemu.entries import LastRecord, QueuedRecord, later
from nilometer.importers.qemu.records import (
    CommandRecord,
    Json,
    QmpEventRecord,
    StepOutcome,
    StepRecord,
    as_object,
    to_verbatim,
)
from nilometer.importers.qemu.sizes import BALLOON, MODULES, means_of
from nilometer.importers.qemu.vm import UNNAMED, QemuVm, Requester
from nilometer.importers.settlement import Cause, build_refusal, build_settlement, find_cause, find_page, is_news

QUIET_TIME: Final = timedelta(seconds=8)
"""A request that has not moved for so long has settled for now, as for the driver that makes recordings."""

_BY_HYPERVISOR: Final = (ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.REPORTED)
_BY_GUEST: Final = (ObservedCode.REFUSED_BY_GUEST, CauseIs.REPORTED)
_IN_PROGRESS: Final = ((0x03, 0x84), (0x103, 0x84), (0x200, 0x80))
"""ACPI's ``_OST``, source and status: the guest is still ejecting (3, 0x103) or inserting (0x200) the module."""


# Asked for


def requester_of(record: CommandRecord) -> Requester:
    """Who the recording says gave a command."""
    return Requester(
        actor=record.actor or UNNAMED.actor,
        via=record.via or UNNAMED.via,
        reason=record.reason or None,
        correlation=record.correlation or None,
    )


def emit_command(vm: QemuVm, entry: QueuedRecord, record: CommandRecord) -> None:
    """Adds the request that a command is, and its settlement if QEMU refused it."""
    arguments = note_device(vm, record)
    for device, target in entry.sizes.items():
        size = _known_size(vm, device)
        answer = None if record.reply is None else to_verbatim(record.reply)
        command = None if record.qmp is None else to_verbatim(record.qmp)
        event = _build_request(vm, entry, device, target, size, accepted=record.accepted)
        event = replace(event, asked=command, answer=answer, expected=record.expected)
        vm.requesters[event.request] = requester_of(record)
        request = _emit_request(vm, entry, event)
        if event.accepted is None:
            vm.unanswered.add(event.request)
        vm.measured_at[device] = max(entry.time, vm.measured_at.get(device, ""))
        if device == MODULES and isinstance(name := arguments.get("id"), str):
            vm.modules[event.request] = name
        if request is None:
            message = as_object(as_object(record.reply).get("error")).get("desc")
            _emit_refusal(vm, entry, event, message if isinstance(message, str) else event.answer)
        elif vm.is_off:
            _settle(vm, entry, request, (entry.time, entry.previous), (ObservedCode.VM_STOPPED, CauseIs.INFERRED))
        elif entry.step is not None:
            vm.awaiting_step.add(event.request)
        elif is_reached(vm, request):
            _settle(vm, entry, request, (entry.time, entry.previous))


def is_reached(vm: QemuVm, request: OpenRequest) -> bool:
    """Whether a request's target is reached, or as near as the guest's pages let a balloon come."""
    return request.reached or _page_of(request) is not None or (request.granted == request.amount is not None)


def _page_of(request: OpenRequest) -> int | None:
    return find_page(request) if request.device == BALLOON else None


def note_device(vm: QemuVm, record: CommandRecord) -> Json:
    """Takes note of memory that QEMU was asked to make or to plug; returns the arguments of the command."""
    qmp = as_object(record.qmp)
    arguments = as_object(qmp.get("arguments"))
    if record.accepted:
        if qmp.get("execute") == "object-add":
            vm.machine.add_backend(arguments)
        elif qmp.get("execute") == "device_add":
            vm.machine.add_device(arguments)
    return arguments


def _known_size(vm: QemuVm, device: str) -> int | None:
    if vm.is_off:
        return None
    size = vm.fold.size(device)
    return 0 if size is None and device == MODULES and vm.shows_modules else size


def _build_request(
    vm: QemuVm, entry: QueuedRecord, device: str, target: int, size: int | None, *, accepted: bool | None
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
        grounds=vm.build_grounds(device),
        record=entry.reference,
    )


def _emit_request(vm: QemuVm, entry: QueuedRecord, event: VmChangeRequested) -> OpenRequest | None:
    """Adds a request, which supersedes the one before it; returns it, if it was accepted."""
    number, device = event.request, event.device
    entry.request = number
    older = vm.fold.open_request(device)
    if event.accepted is not False and older is not None:
        _settle(vm, entry, older, (entry.time, entry.previous), (ObservedCode.SUPERSEDED, CauseIs.INFERRED))
        vm.awaiting_step.discard(older.number)
    vm.emit(event, entry.time, entry.previous, number)
    return vm.fold.open_request(device) if event.accepted is not False else None


# Settled


def settle_reached(vm: QemuVm, entry: QueuedRecord, devices: Iterable[str] | None = None) -> None:
    """Settles the requests whose target a record's sizes reach, and that wait for no step."""
    for device in entry.sizes if devices is None else list(devices):
        request = vm.fold.open_request(device)
        if request is not None and is_reached(vm, request) and request.number not in vm.awaiting_step:
            moved_at = vm.moved_at.get(device, (entry.time, None))
            _settle(vm, entry, request, moved_at, late=request.settled is not None)


def settle_step(vm: QemuVm, entry: QueuedRecord, record: StepRecord) -> None:
    """Settles the request that a step is about: in full, short, or refused."""
    number = _emit_request_of_step(vm, entry, record) if entry.command is None else entry.command.request
    vm.emit_moves(entry)
    request = next((r for r in vm.fold.requests.values() if r.number == number and r.still_open), None)
    if number is not None:
        vm.awaiting_step.discard(number)
    answer = None if number is None else vm.guest_refusals.pop(number, None)
    if record.outcome == StepOutcome.REFUSED_BY_GUEST:
        answer = record.note or answer or ""
    if record.outcome == StepOutcome.GUEST_LOST:
        parts = [to_verbatim(part) for part in (record.guest_console, record.error) if part is not None]
        message = " ".join(parts) or record.note
        if not vm.fold.lost:  # QEMU's own event may have said so
            vm.emit(VmLost(told=message, record=entry.reference), entry.time, entry.previous, number)
        if request is not None:
            _settle(vm, entry, request, (entry.time, None), (ObservedCode.GUEST_LOST, CauseIs.REPORTED), message)
    elif request is not None and is_reached(vm, request):
        moved_at = vm.moved_at.get(request.device)
        if moved_at is None or request.size_from == request.size:
            moved_at = request.asked_at, request.asked_after
        _settle(vm, entry, request, moved_at)
        vm.emit_measurement(entry, record.note)
    else:
        vm.emit_measurement(entry, record.note)
        if answer is None and request is not None and request.device == MODULES and request.granted == 0:
            answer = _read_console(record)  # what the driver found there about a module that stays, or is not taken
        if request is not None and answer is not None:
            _settle(vm, entry, request, (entry.time, None), _BY_GUEST, answer or None)
        elif request is not None and record.outcome == StepOutcome.REFUSED:
            _settle(vm, entry, request, (entry.time, None), _BY_HYPERVISOR, _refusal_of(record))
        elif request is not None:
            cause = find_cause(request, vm.build_grounds(request.device))
            _settle(vm, entry, request, (entry.time, None), cause, still_open=True)
    settle_reached(vm, entry)


def _read_console(record: StepRecord) -> str | None:
    """Reads what the guest's console showed of a step, word for word."""
    console = record.guest_console
    return None if not console else console if isinstance(console, str) else to_verbatim(console)


def settle_quiet(vm: QemuVm, entry: QueuedRecord) -> None:
    """Settles for now the requests that no step settles, and that have not moved for a while."""
    for request in list(vm.fold.requests.values()):
        last = max(request.asked_at, *vm.moved_at.get(request.device, ("", ""))[:1])
        if later(last, QUIET_TIME) <= entry.time:
            settle_open(vm, entry, request)


def settle_open(vm: QemuVm, entry: QueuedRecord | LastRecord, request: OpenRequest) -> None:
    """Settles a request for now, if it has moved since it last settled, or has not settled yet."""
    if request.still_open and request.number not in vm.awaiting_step and is_news(request):
        vm.flush_swings()
        cause, late = find_cause(request, vm.build_grounds(request.device)), request.settled is not None
        _settle(vm, entry, request, (entry.time, None), cause, still_open=True, late=late)


def _refusal_of(record: StepRecord) -> str | None:
    return record.note if record.error is None else to_verbatim(record.error)


def _emit_request_of_step(vm: QemuVm, entry: QueuedRecord, record: StepRecord) -> int | None:
    """The number of the request of a step whose command is not in front of it.

    If the request was not recorded, the step shows it: it was made at some time before the step.
    """
    for device, target in entry.requested_sizes.items():
        last = vm.fold.requests.get(device)
        if last is not None and last.target == target:
            return last.number  # its step came late
        if vm.is_off:
            return None
        size, accepted = entry.sizes_before.get(device, _known_size(vm, device)), record.outcome != StepOutcome.REFUSED
        event = _build_request(vm, entry, device, target, size, accepted=accepted)
        since = vm.measured_at.get(device)
        earlier = replace(entry, previous=since)
        request = _emit_request(vm, earlier, event)
        entry.request = event.request
        if request is None:
            _emit_refusal(vm, entry, event, _refusal_of(record))
        elif (known := vm.fold.size(device)) is not None and known != size:
            moved_before = VmObserved(devices=(vm.build_figures(device, known),), record=event.record)
            vm.emit(moved_before, entry.time, since)
        return event.request
    return None


def settle_lost(vm: QemuVm, entry: QueuedRecord, happened: str, message: str | None) -> None:
    """Settles the open requests of a guest that is lost, but for those that wait for their step."""
    for request in list(vm.fold.requests.values()):
        if request.still_open and request.number not in vm.awaiting_step:
            _settle(vm, entry, request, (happened, None), (ObservedCode.GUEST_LOST, CauseIs.REPORTED), message)


def settle_not_carried_out(vm: QemuVm, entry: QueuedRecord) -> None:
    """Settles the requests without an answer that QEMU did not carry out, as what its devices were told shows."""
    for device, target in entry.targets.items():
        request = vm.fold.open_request(device)
        if request is not None and request.number in vm.unanswered:
            vm.unanswered.discard(request.number)
            if request.target != target:
                code = ObservedCode.SUPERSEDED if request.granted else ObservedCode.NOT_CARRIED_OUT
                _settle(vm, entry, request, (entry.time, request.asked_at), (code, CauseIs.INFERRED))


def settle_stopped(vm: QemuVm, entry: QueuedRecord, happened: str, since: str | None = None) -> None:
    """Settles the open requests of a VM that stops, but for those that wait for their step."""
    code = ObservedCode.GUEST_LOST if vm.fold.lost else ObservedCode.VM_STOPPED
    for request in list(vm.fold.requests.values()):
        if request.still_open and request.number not in vm.awaiting_step:
            _settle(vm, entry, request, (happened, since), (code, CauseIs.INFERRED))


def settle_refused_by_guest(vm: QemuVm, entry: QueuedRecord, happened: str, record: QmpEventRecord) -> None:
    """Settles a request whose module the guest refused to take or to let go. If a step is still to come, it settles."""
    if not _is_refusal(record):
        return
    data, request = record.qmp.data or {}, vm.fold.open_request(MODULES)
    name = as_object(data.get("info")).get("device", data.get("device"))
    if request is None or (isinstance(name, str) and vm.modules.get(request.number, name) != name):
        return
    if request.number in vm.awaiting_step:
        vm.guest_refusals[request.number] = to_verbatim(data)
    else:
        _settle(vm, entry, request, (happened, None), _BY_GUEST, to_verbatim(data))


def _is_refusal(record: QmpEventRecord) -> bool:
    """Whether an event is the guest's refusal. ACPI answers with numbers: 0 is yes, and some mean not yet."""
    if record.qmp.event != "ACPI_DEVICE_OST":
        return record.qmp.event in ("MEM_UNPLUG_ERROR", "DEVICE_UNPLUG_GUEST_ERROR")
    info = as_object((record.qmp.data or {}).get("info"))
    status, source = info.get("status"), info.get("source")
    if not isinstance(status, int) or info.get("slot-type", "DIMM") != "DIMM":
        return False
    return status != 0 and (source, status) not in _IN_PROGRESS


def _emit_refusal(vm: QemuVm, entry: QueuedRecord, request: VmChangeRequested, message: str | None) -> None:
    vm.emit(build_refusal(request, message), entry.time, entry.previous, request.request)


def _settle(
    vm: QemuVm,
    entry: QueuedRecord | LastRecord,
    request: OpenRequest,
    interval: tuple[str, str | None],
    cause: Cause | None = None,
    message: str | None = None,
    *,
    still_open: bool = False,
    late: bool = False,
) -> None:
    """Adds how a request stands; ``interval`` is the time of that, and the beginning of the interval if it is one."""
    grounds, page = vm.build_grounds(request.device), _page_of(request)
    if page is not None:
        grounds = replace(grounds, block=page)
    event = build_settlement(
        request,
        cause,
        message,
        grounds=grounds,
        is_near=page is not None,
        record=entry.reference,
        still_open=still_open,
        late=late,
    )
    vm.emit(event, *interval, request.number)
