"""Power states and sessions from an event log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.observed.events import VmObserved
from domain.state import Power
from nilometer.importers.hyperv.hosts import HypervHost
from nilometer.importers.hyperv.jobs import POWER_JOBS, UNATTRIBUTED, Attribution
from nilometer.importers.hyperv.readings import PowerReading
from nilometer.importers.hyperv.sources.event_logs.event_log import FROM_OUTSIDE, START
from nilometer.importers.hyperv.state import Emission
from nilometer.importers.hyperv.vm.requests import stop
from nilometer.importers.hyperv.vm.vm import HypervVm

_NO_SLACK: Final = timedelta(0)


def take_power(vm: HypervVm, reading: PowerReading, host: HypervHost | None) -> list[Emission]:
    """The events that an event of the log adds.

    A start or a reset begins a session. But a VM that is saved is restored by its start, and the guest goes on.
    """
    state, emissions = vm.state, list[Emission]()
    event = VmObserved(
        power=reading.power,
        told=reading.log_event,
        record=reading.record,
        name=reading.name if state.version == 0 else None,
        host=None if host is None or state.host is not None else host.id,
    )
    if reading.power is Power.OFF:
        if state.power is Power.OFF:
            return []
        emissions += stop(vm, reading.at, reading.record)
        event = replace(event, assigned=0, held=0)
    elif reading.new_session and (state.power is not Power.SAVED or reading.log_event != START):
        emissions += stop(vm, reading.at, reading.record)
        event = replace(event, session=(state.session or 0) + 1)
    emissions.append(vm.emit(event, reading.at, who=_attribute(vm, reading, host)))
    vm.take_power(reading)
    return emissions


def _attribute(vm: HypervVm, reading: PowerReading, host: HypervHost | None) -> Attribution | None:
    """The owner of the job before it, or nobody that is known. What the guest did itself, no job did."""
    if reading.log_event not in FROM_OUTSIDE:
        return None
    if host is None:
        return UNATTRIBUTED
    return host.jobs.attribute(reading.vm_id, vm.power_since, reading.at, POWER_JOBS, slack=_NO_SLACK)
