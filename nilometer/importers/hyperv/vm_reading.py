"""One reading of a VM: what it tells that is news, in the order in which it must have been."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.observed.events import BASE_MEMORY, VmObserved
from domain.settings import MemorySetting
from domain.state import Power
from nilometer.importers.hyperv.jobs import MEMORY_JOBS, POWER_JOBS, UNKNOWN, Who
from nilometer.importers.hyperv.news import began, news, setting
from nilometer.importers.hyperv.readings import NEWS, VmReading
from nilometer.importers.hyperv.requests import asked_for, settle_if_due, stopped
from nilometer.importers.hyperv.vm import ON, VmTrack


def same(track: VmTrack, r: VmReading) -> bool:
    """Whether a reading tells nothing that the last did not, and no request waits: as nearly always."""
    latest, uptime = track.latest, track.uptime
    if (
        latest is None
        or not track.quiet
        or r.at[:13] != latest.at[:13]
        or (uptime is not None and r.uptime is not None and r.uptime < uptime)
        or NEWS(r) != NEWS(latest)
    ):
        return False
    track.at, track.latest = r.at, r
    track.uptime = uptime if r.uptime is None else r.uptime
    return True


def known(track: VmTrack, r: VmReading) -> None:
    """A reading that was recorded, of a VM that is as it was recorded: all that it told is known."""
    track.at, track.stable, track.latest, track.quiet = r.at, r.assigned or None, r, False
    track.uptime = r.uptime if r.uptime is not None else track.uptime


def read(track: VmTrack, r: VmReading, host: str | None) -> None:
    """What a reading tells that is news."""
    fold = track.fold
    power = r.power or fold.power
    assigned = None if power not in (*ON, None) or not r.assigned else r.assigned
    memory = setting(r, fold.memory)
    begins = power in ON and began(fold, track.uptime, r, None if track.unreported else memory, host)
    told = news(fold, r, host)
    turned = r.power is not None and r.power != fold.power
    if track.window is not None and (
        begins
        or told
        or power != fold.power
        or (memory is not None and memory != fold.memory)
        or r.at[:13] != track.window.last.at[:13]
    ):
        track.close(r)
    if begins:
        stopped(track, r)
        since = track.power_since
        track.tell(_first(track, r, power, memory, assigned, told), r.at, since, who=_power_job(track, r, since))
    elif r.power is not None and r.power != fold.power:
        if r.power is Power.OFF:
            stopped(track, r)
        _turned(track, r, r.power, memory, assigned, told)
    elif power in (*ON, None):
        if told:
            track.tell(VmObserved(record=r.record, **told), r.at)
        changed = memory is not None and memory != fold.memory
        if changed and fold.memory is not None:
            if not asked_for(track, r, memory):
                _set(track, r, memory)
        elif changed:
            track.tell(VmObserved(memory=memory, record=r.record), r.at)
        track.sized(r, assigned, power)
        settle_if_due(track, r, assigned)
    else:
        if told or (memory is not None and fold.memory is None):
            track.tell(VmObserved(memory=memory if fold.memory is None else None, record=r.record, **told), r.at)
        if memory is not None and memory != fold.memory:
            _set(track, r, memory)
    track.at, track.stable, track.latest, track.own = r.at, assigned, r, None
    track.uptime = r.uptime if r.uptime is not None else track.uptime
    size = fold.size(BASE_MEMORY) if track.window is None else track.window.last.assigned
    track.quiet = assigned is not None and assigned == size and fold.open_request(BASE_MEMORY) is None
    track.quiet = track.quiet and host == fold.host
    if begins or turned:
        track.unreported = assigned is None
    elif assigned is not None:
        track.unreported = False


def _first(
    track: VmTrack,
    r: VmReading,
    power: Power | None,
    memory: MemorySetting | None,
    assigned: int | None,
    told: dict[str, Any],
) -> VmObserved:
    """A session begins; what was known of the one before is past."""
    return replace(
        track.measured(r, assigned),
        power=power,
        session=(track.fold.session or 0) + 1,
        memory=memory,
        hypervisor="Hyper-V" if track.fold.hypervisor is None else None,
        **told,
    )


def _turned(
    track: VmTrack, r: VmReading, power: Power, memory: MemorySetting | None, assigned: int | None, told: dict[str, Any]
) -> None:
    """The power state is another: off and saved, a VM holds nothing of its host."""
    memory = memory if memory != track.fold.memory else None
    event = VmObserved(power=power, memory=memory, record=r.record, **told)
    if power is Power.OFF:
        event = replace(event, assigned=0, held=0)
    elif power is Power.SAVED:
        event = replace(event, held=0)
    elif assigned is not None:
        event = replace(track.measured(r, assigned), power=power, memory=memory, **told)
    since = track.power_since
    track.tell(event, r.at, since, who=_power_job(track, r, since))


def _power_job(track: VmTrack, r: VmReading, earliest: str | None) -> Who | None:
    who = track.job_of(r, earliest, POWER_JOBS)
    return None if who is UNKNOWN else who


def _set(track: VmTrack, r: VmReading, memory: MemorySetting | None) -> None:
    """The setting was changed, and no memory moves for it now."""
    who = track.own or track.job_of(r, track.at, MEMORY_JOBS)
    track.tell(VmObserved(memory=memory, record=r.record), r.at, track.at, who=who)
