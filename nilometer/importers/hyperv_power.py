"""Power states and sessions that an event log tells."""

from __future__ import annotations

from dataclasses import replace

from domain.observed import VmObserved
from domain.state import Power
from nilometer.importers.hyperv_readings import PowerReading, VmReading
from nilometer.importers.hyperv_requests import stopped
from nilometer.importers.hyperv_vm import VmTrack


def power_told(track: VmTrack, r: PowerReading, host: str | None) -> None:
    """Tells what an event of the log says, if it is news."""
    fold, as_read = track.fold, VmReading(at=r.at, record=r.record)
    event = VmObserved(
        power=r.power,
        told=r.told,
        record=r.record,
        name=r.name if fold.version == 0 else None,
        host=host if fold.host is None else None,
    )
    if r.power is Power.OFF:
        stopped(track, as_read)
        event = replace(event, assigned=0, held=0)
    elif r.power is Power.SAVED:
        event = replace(event, held=0)
    elif r.new_session:
        stopped(track, as_read)
        event = replace(event, power=r.power or Power.RUNNING, session=(fold.session or 0) + 1)
        track.uptime, track.unreported = None, True
    elif r.power == fold.power:
        return
    track.tell(event, r.at)
    track.at = r.at
