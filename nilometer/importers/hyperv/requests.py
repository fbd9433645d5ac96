"""Requests of one VM of Hyper-V: of a static VM a changed startup is the request, and what is assigned the grant."""

from __future__ import annotations

from dataclasses import replace

from domain.observed.events import (
    BASE_MEMORY,
    CauseIs,
    Means,
    ObservedCode,
    VmChangeRequested,
    VmObserved,
)
from domain.observed.vm import OpenRequest
from domain.settings import MemorySetting, Mode
from domain.state import Power
from nilometer.importers.hyperv.jobs import MEMORY_JOBS, POWERSHELL, UNKNOWN, Who
from nilometer.importers.hyperv.readings import ChangeReading, VmReading
from nilometer.importers.hyperv.vm import VmTrack
from nilometer.importers.settlement import Cause, build_refusal, build_settlement, find_cause


def is_request(track: VmTrack, r: VmReading) -> bool:
    """Whether a reading shows that a running static VM was given another startup.

    One that has just started may have been given it before.
    """
    fold = track.fold
    before = fold.memory
    return (
        not track.unreported
        and before is not None
        and before.mode is Mode.STATIC
        and fold.power in (Power.RUNNING, Power.PAUSED)
        and r.power in (Power.RUNNING, Power.PAUSED)
        and r.dynamic is False
        and r.startup not in (None, before.startup)
    )


def asked_for(track: VmTrack, r: VmReading, memory: MemorySetting | None) -> bool:
    """Tells the request that a changed startup is; ``False`` if it is none."""
    if memory is None or not is_request(track, r):
        return False
    size, older = track.fold.size(BASE_MEMORY), track.fold.open_request(BASE_MEMORY)
    if memory.startup == size:  # the setting follows what is assigned: nothing is asked for
        if older is not None:
            _settle(track, older, r.record, r.at, r.at, (ObservedCode.SUPERSEDED, CauseIs.INFERRED))
        return False
    who = track.job_of(r, track.at, MEMORY_JOBS)
    _ask(track, memory.startup, who, r.at, track.at, r.record)
    track.tell(VmObserved(memory=memory, record=r.record), r.at, track.at, who=who)
    return True


def settle_if_due(track: VmTrack, r: VmReading, assigned: int | None) -> None:
    """A request has settled when its target is reached; or short, when two readings after it are equal."""
    request = track.fold.open_request(BASE_MEMORY)
    if request is None or assigned is None:
        return
    late = request.settled is not None
    if request.reached:
        _settle(track, request, r.record, r.at, track.at, late=late)
    elif not late and request.asked_at < r.at and assigned == track.stable:
        why = find_cause(request, track.grounds(r))
        _settle(track, request, r.record, r.at, None, why, still_open=True)


def stopped(track: VmTrack, r: VmReading) -> None:
    """The VM stopped: what was not granted by then is not any more."""
    request = track.fold.open_request(BASE_MEMORY)
    if request is not None:
        _settle(track, request, r.record, r.at, track.at, (ObservedCode.VM_STOPPED, CauseIs.INFERRED))


def own_change(track: VmTrack, c: ChangeReading) -> bool:
    """Tells one's own change; ``False`` if it does not say what of memory changed."""
    who = Who(c.user, POWERSHELL)
    fold = track.fold
    known = fold.size(BASE_MEMORY)
    static = c.after == c.asked if fold.memory is None else fold.memory.mode is Mode.STATIC
    nothing = c.asked == c.before == c.after
    if not c.before or c.after is None or c.asked is None or not static or nothing:
        told = ": ".join(filter(None, (c.command, c.error)))
        set_to = c.asked if fold.memory is not None and static and not c.error else None
        memory = None if set_to is None else MemorySetting.static(set_to)
        event = VmObserved(memory=memory, label="change", told=told or None, record=c.record)
        track.tell(event, c.at, c.since, who=who)
        track.own = who if c.error is None else None
        return False
    as_read = VmReading(at=c.at, record=c.record, assigned=c.before)
    if known is None or fold.session is None:
        track.tell(track.measured(as_read, c.before), c.since)
    else:
        track.moved(as_read, c.before)
    track.unreported = False
    refused = c.error is not None and c.after == c.before != c.asked
    number = _ask(track, c.asked, who, c.at, c.since, c.record, command=c.command, error=c.error, refused=refused)
    if refused:
        return True
    if fold.memory is not None and fold.memory.startup != c.asked:
        setting = MemorySetting.static(c.asked)
        track.tell(VmObserved(memory=setting, record=c.record), c.at, c.since, who=who)
    track.moved(VmReading(at=c.at, record=c.record), c.after)
    request = track.fold.open_request(BASE_MEMORY)
    if request is not None and request.number == number:
        if request.reached:
            _settle(track, request, c.record, c.at, c.since)
        else:
            cause: Cause = find_cause(request, track.grounds(as_read))
            if cause[0] is ObservedCode.NOT_TOLD and c.error is not None:
                cause = ObservedCode.REFUSED_BY_HYPERVISOR, CauseIs.TOLD
            _settle(track, request, c.record, c.at, None, cause, told=c.error, still_open=True)
    return True


def _ask(
    track: VmTrack,
    target: int,
    who: Who,
    happened: str,
    earliest: str | None,
    record: str,
    *,
    command: str | None = None,
    error: str | None = None,
    refused: bool = False,
) -> int:
    fold = track.fold
    older, size = fold.open_request(BASE_MEMORY), fold.size(BASE_MEMORY)
    if older is not None and not refused:
        _settle(track, older, record, happened, earliest, (ObservedCode.SUPERSEDED, CauseIs.INFERRED))
    number = fold.requests_made + 1
    amount = None if size is None else abs(target - size)
    event = VmChangeRequested(
        request=number,
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=size,
        target=target,
        amount=amount,
        accepted=not refused,
        asked=command,
        answer=error,
        grounds=track.grounds(VmReading(at=happened, record=record)),
        record=record,
    )
    track.who = {number: who} if not refused else {**track.who, number: who}
    track.tell(event, happened, earliest, request=number, who=who)
    if refused:
        track.tell(build_refusal(event, error), happened, earliest, request=number, who=who)
    return number


def _settle(
    track: VmTrack,
    request: OpenRequest,
    record: str,
    happened: str,
    earliest: str | None,
    cause: Cause | None = None,
    *,
    told: str | None = None,
    still_open: bool = False,
    late: bool = False,
) -> None:
    grounds = track.grounds(VmReading(at=happened, record=record))
    event = build_settlement(request, cause, told, still_open=still_open, late=late, grounds=grounds, record=record)
    who = track.who.get(request.number)
    if event.told is None and who is not None and who.in_full is False and who.error:
        event = replace(event, told=f"job error {who.error}")
    track.tell(event, happened, earliest, request=request.number, who=who or UNKNOWN)
