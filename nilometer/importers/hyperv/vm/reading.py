"""The events that one reading of a VM adds, in the order in which they must have happened."""

from __future__ import annotations

from dataclasses import replace

from domain.identifiers import UtcTime
from domain.observed.events import VmObserved
from domain.observed.words import SHORT_RESTART
from domain.settings import Mode
from domain.state import Power
from nilometer.importers.hyperv.jobs import POWER_JOBS, UNATTRIBUTED, Attribution
from nilometer.importers.hyperv.news import ON, News, measure, starts_short
from nilometer.importers.hyperv.readings import VmReading
from nilometer.importers.hyperv.state import Emission
from nilometer.importers.hyperv.vm.measuring import measure_before
from nilometer.importers.hyperv.vm.moves import close_window, compare_size, measure_unseen
from nilometer.importers.hyperv.vm.requests import change_setting, settle_if_due, stop
from nilometer.importers.hyperv.vm.vm import HypervVm


def read(vm: HypervVm, reading: VmReading, news: News, host: str | None) -> list[Emission]:
    """Takes a reading and its news, and returns the events that it adds. ``host`` is the id of the VM's host."""
    emissions: list[Emission] = []
    if news.begins or news.turned or not changes_size(vm, news):
        emissions += measure_unseen(vm, reading, news)
    else:
        emissions += measure_before(vm, reading.at)
    vm.sizes.follow(reading)
    ends_hour = vm.sizes.window is not None and reading.at[:13] != vm.sizes.window.last.at[:13]
    if vm.sizes.window is not None and news.interrupts_moves:
        emissions += close_window(vm, reading)
    if news.begins:
        emissions += _begin_session(vm, reading, news)
    elif news.turned:
        emissions += _turn(vm, reading, news)
    elif news.power in (*ON, None):
        emissions += _stay_on(vm, reading, news)
    else:
        emissions += _stay_off(vm, reading, news)
    if news.begins or news.turned:
        vm.sizes.end_stretch()
    if ends_hour and vm.sizes.window is not None:  # its last move is what this reading shows
        emissions += close_window(vm, reading)
    vm.take_compared(reading, news, host)
    return emissions


def changes_size(vm: HypervVm, news: News) -> bool:
    """Whether a static VM was given another size, or somebody asked for one."""
    memory = vm.state.memory
    is_static = memory is not None and memory.mode is Mode.STATIC
    return is_static and (news.is_request or news.assigned not in (None, vm.size))


def _begin_session(vm: HypervVm, reading: VmReading, news: News) -> list[Emission]:
    """A session begins; what was known of the one before is past."""
    emissions = stop(vm, reading.at, reading.record)
    since = vm.power_since
    event = replace(
        measure(reading, news.assigned),
        power=news.power,
        session=(vm.state.session or 0) + 1,
        memory=news.memory,
        hypervisor="Hyper-V" if vm.state.hypervisor is None else None,
        label=SHORT_RESTART if vm.state.session is not None and starts_short(reading) else None,
        **news.identity,
    )
    return [*emissions, vm.emit(event, reading.at, since, who=_who_turned(vm, reading, since))]


def _turn(vm: HypervVm, reading: VmReading, news: News) -> list[Emission]:
    """The power state changed: off and saved, a VM holds nothing of its host."""
    emissions = stop(vm, reading.at, reading.record) if news.power is Power.OFF else []
    memory = news.memory if news.reconfigured else None
    event = VmObserved(power=news.power, memory=memory, record=reading.record, **news.identity)
    if news.power is Power.OFF:
        event = replace(event, assigned=0, held=0)
    elif news.power is Power.SAVED:
        event = replace(event, held=0)
    elif news.assigned is not None:
        event = replace(measure(reading, news.assigned), power=news.power, memory=memory, **news.identity)
    since = vm.power_since
    return [*emissions, vm.emit(event, reading.at, since, who=_who_turned(vm, reading, since))]


def _stay_on(vm: HypervVm, reading: VmReading, news: News) -> list[Emission]:
    emissions: list[Emission] = []
    if news.identity:
        emissions.append(vm.emit(VmObserved(record=reading.record, **news.identity), reading.at))
    if news.reconfigured and news.memory is not None:
        if vm.state.memory is None or news.completes:
            emissions.append(vm.emit(VmObserved(memory=news.memory, record=reading.record), reading.at))
        else:
            emissions += change_setting(vm, reading, news.memory, is_request=news.is_request)
    emissions += compare_size(vm, reading, news)
    if vm.state.requests:
        emissions += settle_if_due(vm, reading, news.assigned)
    return emissions


def _stay_off(vm: HypervVm, reading: VmReading, news: News) -> list[Emission]:
    first = news.memory if vm.state.memory is None or (news.reconfigured and news.completes) else None
    emissions: list[Emission] = []
    if news.identity or first is not None:
        emissions.append(vm.emit(VmObserved(memory=first, record=reading.record, **news.identity), reading.at))
    if news.reconfigured and news.memory is not None and first is None:
        emissions += change_setting(vm, reading, news.memory, is_request=news.is_request)
    return emissions


def _who_turned(vm: HypervVm, reading: VmReading, since: UtcTime | None) -> Attribution | None:
    """Who turned it on or off; ``None`` for the first reading that shows its power state, which only finds it so."""
    who = vm.attribute(reading.at, since, POWER_JOBS)
    return None if who is UNATTRIBUTED and (since is None or vm.state.power is None) else who
