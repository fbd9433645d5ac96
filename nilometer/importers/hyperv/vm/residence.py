"""Which host a VM is on. It has one at a time, and other hosts may list it: during a migration, or as a replica."""

from __future__ import annotations

from typing import Final

from domain.identifiers import seconds_between
from domain.state import Power
from nilometer.importers.hyperv.hosts import GAP_SECONDS, HypervHost
from nilometer.importers.hyperv.news import ON
from nilometer.importers.hyperv.readings import VmReading
from nilometer.importers.hyperv.vm.vm import HypervVm

LISTED_SECONDS: Final = 600
"""For this long after a host last ran a VM, another host that only lists it is passed over."""


def starts_elsewhere(vm: HypervVm, reading: VmReading, source: HypervHost | None) -> bool:
    """Whether a reading of another host shows a guest that started after its last host fell silent."""
    if source is None or reading.uptime is None or vm.read_at is None or reading.listing.power not in ON:
        return False
    for_seconds = seconds_between(max(vm.read_at, source.polled_at or vm.read_at), reading.at)
    return reading.uptime < for_seconds


def starts_unwatched(vm: HypervVm, reading: VmReading) -> bool:
    """Whether a reading shows a guest that started while its host was not watched: its uptime is less than that.

    It may be more than the uptime before.
    """
    if not vm.was_away(reading) or vm.read_at is None or reading.uptime is None or vm.state.power is not Power.RUNNING:
        return False
    return reading.listing.power in ON and reading.uptime < seconds_between(vm.read_at, reading.at)


def is_running_at(vm: HypervVm, reading: VmReading) -> bool:
    """Whether the VM runs on its host, and a reading of another host only lists it."""
    if vm.state.power not in ON or vm.read_at is None:
        return False
    if reading.listing.power in ON and reading.listing.assigned:
        return False
    return abs(seconds_between(vm.read_at, reading.at)) < LISTED_SECONDS


def is_contested(vm: HypervVm, reading: VmReading, host: str, source: HypervHost | None) -> bool:
    """Whether another host than its own lists it for the first time, and its own may still have it.

    A VM has one host at a time. Where the clocks of two hosts differ, the polls of both list it for a while: it is
    on the other one after two polls of that without one of its own.
    """
    runs, rival = reading.listing.power in ON and bool(reading.listing.assigned), vm.rivalry.rival
    if vm.state.host in (None, host):
        if rival is not None and not runs and seconds_between(rival[1], reading.at) < GAP_SECONDS:
            return True  # it left
        vm.rivalry.contests += rival is not None
        vm.rivalry.rival = None
        return False
    is_second = rival is not None and rival[0] == host
    vm.rivalry.rival = host, reading.at
    vm_id = reading.listing.vm_id
    if is_second or source is None or vm_id is None or vm_id in source.missing or vm.read_at is None:
        is_taken = True
    else:
        is_silent = abs(seconds_between(vm.read_at, reading.at)) >= LISTED_SECONDS
        is_taken = is_silent or vm.state.power not in ON or starts_elsewhere(vm, reading, source)
    if is_taken:
        vm.rivalry.rival, vm.rivalry.contests = None, 0
    return not is_taken
