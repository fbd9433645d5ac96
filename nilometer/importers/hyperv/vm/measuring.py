"""Measurements of a VM: when they are due, and the stretch of polls that each of them ends.

Only what is here and in ``moves`` assigns a ``HypervVm``'s ``sizes``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.identifiers import UtcTime, seconds_between
from domain.observed.events import VmObserved
from nilometer.importers.hyperv.news import ON, measure
from nilometer.importers.hyperv.state import Emission
from nilometer.importers.hyperv.vm.sizes import UNSEEN_SECONDS
from nilometer.importers.hyperv.vm.vm import HypervVm

FRESH_SECONDS: Final = 6 * 3600
"""A figure that did not change is recorded again after this time, to show that it was still measured."""


def emit_measure(vm: HypervVm, event: VmObserved, at: UtcTime) -> Emission:
    """A measurement by the last reading that was followed, with the stretch that ends with it."""
    tally, vm.sizes.tally = vm.sizes.tally, None
    vm.sizes.unmeasured = vm.sizes.lacks_expected(event)
    return vm.emit(event if tally is None else replace(event, stretch=tally.stretch), at)


def expect_measure(vm: HypervVm) -> None:
    """Something was refused: the next reading shows whether it changed anything all the same."""
    vm.sizes.unmeasured = True


def measure_before(vm: HypervVm, moment: UtcTime) -> list[Emission]:
    """The last reading before a change, unless it is recorded."""
    latest, tally, size = vm.latest, vm.sizes.tally, vm.size
    if latest is None or tally is None or tally.last != latest.at or latest.at > moment or vm.sizes.window is not None:
        return []
    if latest.listing.assigned != size or latest.listing.power not in (*ON, None) or not size:
        return []
    return [emit_measure(vm, measure(latest, size), latest.at)]


def measure_after(vm: HypervVm) -> list[Emission]:
    """The last reading of all, if memory moved and nothing was measured since."""
    latest, size = vm.latest, vm.size
    if not vm.sizes.unmeasured or latest is None or latest.listing.assigned != size or vm.state.power not in ON:
        return []
    return [emit_measure(vm, measure(latest, size), latest.at)]


def is_measurement_due(vm: HypervVm, measured: VmObserved, at: UtcTime) -> bool:
    """Whether the guest sees or uses something new, or the last measurement is old."""
    last = vm.state.measured.get("assigned")
    return (
        vm.sizes.unmeasured
        or measured.visible not in (None, vm.state.visible)
        or (measured.in_use is not None and vm.state.in_use is None)
        or last is None
        or last > at
        or seconds_between(last, at) >= FRESH_SECONDS
        or any(
            vm.sizes.is_unseen_for(seconds, at) and not vm.sizes.is_unseen_for(seconds, last)
            for seconds in UNSEEN_SECONDS
        )
    )
