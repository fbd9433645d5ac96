"""Requests for another size of a VM. For a static VM a changed startup is the request, what is assigned the grant."""

from __future__ import annotations

from dataclasses import replace

from domain.decision import Outcome
from domain.identifiers import UtcTime
from domain.observed.events import VmAnnotated, VmChangeRequested, VmObserved
from domain.observed.vm import OpenRequest
from domain.observed.words import BASE_MEMORY, CONTRADICTED, OWN_CHANGE, CauseIs, Means, ObservedCode
from domain.settings import MemorySetting, Mode
from nilometer.importers.hyperv.jobs import MEMORY_JOBS, UNATTRIBUTED, Attribution
from nilometer.importers.hyperv.readings import ChangeReading, VmReading
from nilometer.importers.hyperv.state import Emission
from nilometer.importers.hyperv.vm.measuring import expect_measure, measure_before
from nilometer.importers.hyperv.vm.moves import confirm_size, move_memory
from nilometer.importers.hyperv.vm.own_changes import attribution_of
from nilometer.importers.hyperv.vm.vm import HypervVm
from nilometer.importers.settlement import Cause, build_refusal, build_settlement, find_cause, is_news


def change_setting(vm: HypervVm, reading: VmReading, memory: MemorySetting, *, is_request: bool) -> list[Emission]:
    """The setting changed: that is a request, or no memory moves for it now."""
    event, at, older = VmObserved(memory=memory, record=reading.record), reading.at, vm.state.open_request(BASE_MEMORY)
    emissions: list[Emission] = []
    if is_request:
        if memory.startup != vm.state.size(BASE_MEMORY):
            who = vm.attribute(at, vm.read_at, MEMORY_JOBS)
            emissions = _ask(vm, memory.startup, who, at, vm.read_at, reading.record)
            return [*emissions, vm.emit(event, at, vm.read_at, who=who)]
        if older is not None:  # the setting follows what is assigned: nothing is asked for
            emissions = [_settle(vm, older, at, at, reading.record, (ObservedCode.SUPERSEDED, CauseIs.INFERRED))]
    who = vm.authors.changed_by or vm.attribute(at, vm.read_at, MEMORY_JOBS)
    return [*emissions, vm.emit(event, at, vm.read_at, who=who)]


def settle_if_due(vm: HypervVm, reading: VmReading, assigned: int | None) -> list[Emission]:
    """A request settles when its target is reached; or short, when two readings after it are equal."""
    request, at = vm.state.open_request(BASE_MEMORY), reading.at
    if request is None or assigned is None:
        return []
    late = request.settled is not None
    if request.reached:
        return [_settle(vm, request, at, vm.read_at, reading.record, late=late)]
    if is_news(request) and request.asked_at < at and assigned == vm.stable:
        cause = find_cause(request, vm.grounds())
        return [_settle(vm, request, at, None, reading.record, cause, still_open=True, late=late)]
    return []


def stop(vm: HypervVm, at: UtcTime, record: str) -> list[Emission]:
    """The VM stopped: what was not granted by then never will be."""
    request, cause = vm.state.open_request(BASE_MEMORY), (ObservedCode.VM_STOPPED, CauseIs.INFERRED)
    return [] if request is None else [_settle(vm, request, at, vm.read_at, record, cause)]


def take_own_change(vm: HypervVm, change: ChangeReading) -> list[Emission]:
    """A change that ``Invoke-NiloChange`` made: request, move and settlement; or just its text, if no size is known."""
    who = attribution_of(change)
    memory = vm.state.memory
    is_static = change.after == change.requested if memory is None else memory.mode is Mode.STATIC
    nothing = change.requested == change.before == change.after
    if not change.before or change.after is None or change.requested is None or not is_static or nothing:
        return note_change(vm, change, is_static=is_static)
    emissions = [*measure_before(vm, change.since), *confirm_size(vm, change, change.before)]
    refused = change.error is not None and change.after == change.before != change.requested
    number = vm.state.requests_made + 1
    emissions += _ask(
        vm,
        change.requested,
        who,
        change.at,
        change.since,
        change.record,
        command=change.command,
        error=change.error,
        refused=refused,
    )
    if refused:
        expect_measure(vm)
        return emissions
    if memory is not None and memory.startup != change.requested:
        event = VmObserved(memory=MemorySetting.static(change.requested), record=change.record)
        emissions.append(vm.emit(event, change.at, change.since, who=who))
    emissions += move_memory(vm, change.after, change.at, change.record)
    request = vm.state.open_request(BASE_MEMORY)
    if request is not None and request.number == number:
        emissions.append(_settle_own_change(vm, change, request))
    if change.remark is not None:
        emissions += note_change(vm, replace(change, requested=None, ticket=None))  # the request has the ticket
    return emissions


def note_change(vm: HypervVm, change: ChangeReading, *, is_static: bool = False) -> list[Emission]:
    """A change of something else than a static VM's size: its text, and the setting if that is certain."""
    who = attribution_of(change)
    certain = vm.state.memory is not None and is_static and not change.error
    memory = MemorySetting.static(change.requested) if certain and change.requested is not None else None
    error = f"failed: {change.error}" if change.id is not None and change.error is not None else change.error
    text = ": ".join(filter(None, (change.command, error, change.remark)))
    event = VmObserved(memory=memory, label=OWN_CHANGE, told=text or None, record=change.record)
    emissions = [vm.emit(event, change.at, change.since, who=who), *_add_ticket(vm, who, change.at, change.since)]
    vm.authors.expect_change(who if change.error is None else None)
    return emissions


def note_contradiction(vm: HypervVm, change: ChangeReading) -> list[Emission]:
    """That the host saw another account than a recorded change names, if it did."""
    if change.contradiction is None:
        return []
    event = VmObserved(label=CONTRADICTED, told=change.contradiction, record=change.record)
    return [vm.emit(event, change.at, change.since, who=attribution_of(change))]


def _add_ticket(
    vm: HypervVm, who: Attribution, happened: UtcTime, earliest: UtcTime | None, request: int | None = None
) -> list[Emission]:
    """The ticket of what was emitted last, as ``nilo annotate`` adds one; nothing if it has none."""
    if who.ticket is None:
        return []
    event = VmAnnotated(about=vm.state.version, ticket=who.ticket)
    return [vm.emit(event, happened, earliest, request=request, who=who)]


def _settle_own_change(vm: HypervVm, change: ChangeReading, request: OpenRequest) -> Emission:
    if request.reached:
        return _settle(vm, request, change.at, change.since, change.record)
    cause: Cause = find_cause(request, vm.grounds())
    if cause[0] is ObservedCode.NOT_REPORTED and change.error is not None:
        cause = ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.REPORTED
    return _settle(vm, request, change.at, None, change.record, cause, answer=change.error, still_open=True)


def _ask(
    vm: HypervVm,
    target: int,
    who: Attribution,
    happened: UtcTime,
    earliest: UtcTime | None,
    record: str,
    *,
    command: str | None = None,
    error: str | None = None,
    refused: bool = False,
) -> list[Emission]:
    """The next request; one that is accepted supersedes the one that is open."""
    emissions: list[Emission] = []
    older, size = vm.state.open_request(BASE_MEMORY), vm.state.size(BASE_MEMORY)
    if older is not None and not refused:
        superseded = (ObservedCode.SUPERSEDED, CauseIs.INFERRED)
        emissions.append(_settle(vm, older, happened, earliest, record, superseded))
    number = vm.state.requests_made + 1
    event = VmChangeRequested(
        request=number,
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=size,
        target=target,
        amount=None if size is None else abs(target - size),
        accepted=not refused,
        asked=command,
        answer=error,
        grounds=vm.grounds(),
        record=record,
    )
    vm.authors.add_requester(number, who, replaces=not refused)
    emissions.append(vm.emit(event, happened, earliest, request=number, who=who))
    emissions += _add_ticket(vm, who, happened, earliest, number)
    if refused:
        emissions.append(vm.emit(build_refusal(event, error), happened, earliest, request=number, who=who))
    return emissions


def _settle(
    vm: HypervVm,
    request: OpenRequest,
    happened: UtcTime,
    earliest: UtcTime | None,
    record: str,
    cause: Cause | None = None,
    *,
    answer: str | None = None,
    still_open: bool = False,
    late: bool = False,
) -> Emission:
    """How a request stands now; ``answer`` is what the tool answered."""
    event = build_settlement(
        request, cause, answer, still_open=still_open, late=late, grounds=vm.grounds(), record=record
    )
    who = vm.authors.requesters.get(request.number)
    if event.told is None and event.outcome is not Outcome.COMPLETED and who is not None and who.in_full is False:
        event = replace(event, told=who.words or (f"job error {who.error}" if who.error else None))
    return vm.emit(event, happened, earliest, request=request.number, who=who or UNATTRIBUTED)
