"""Power states and sessions that an event log tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.observed.events import VmObserved
from domain.state import Power
from nilometer.importers.hyperv.jobs import POWER_JOBS, UNKNOWN, Who
from nilometer.importers.hyperv.known import Host
from nilometer.importers.hyperv.readings import PowerReading, VmReading
from nilometer.importers.hyperv.requests import stopped
from nilometer.importers.hyperv.sources.event_log import FROM_OUTSIDE, START
from nilometer.importers.hyperv.vm import VmTrack

_NONE: Final = timedelta(0)


def power_told(track: VmTrack, r: PowerReading, host: Host | None) -> None:
    """Tells what an event of the log says, if it is news.

    A start or a reset begins a session. But a VM that is saved is restored by its start, and the guest goes on.
    """
    fold, as_read = track.fold, VmReading(at=r.at, record=r.record)
    event = VmObserved(
        power=r.power,
        told=r.told,
        record=r.record,
        name=r.name if fold.version == 0 else None,
        host=None if host is None or fold.host is not None else host.id,
    )
    if r.power is Power.OFF:
        if fold.power is Power.OFF:
            return
        stopped(track, as_read)
        event = replace(event, assigned=0, held=0)
    elif r.new_session:
        if fold.power is not Power.SAVED or r.told != START:
            stopped(track, as_read)
            event = replace(event, session=(fold.session or 0) + 1)
        track.uptime, track.unreported = None, True
    track.tell(event, r.at, who=_who(track, r, host))
    if r.power is not None:
        track.power_at = r.at


def _who(track: VmTrack, r: PowerReading, host: Host | None) -> Who | None:
    """Who did it: the owner of the job before it. What the guest did itself, no job did."""
    if host is None or r.told not in FROM_OUTSIDE:
        return None
    who = host.jobs.who(r.vm_id, track.power_since, r.at, POWER_JOBS, slack=_NONE)
    return None if who is UNKNOWN else who
