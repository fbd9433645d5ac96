"""Moves of a VM's memory: what its readings show of them, one by one or as one event for an hour."""

from __future__ import annotations

from dataclasses import replace

from domain.identifiers import UtcTime
from domain.observed.events import VmMemoryMoved, VmObserved
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from domain.settings import Mode
from nilometer.importers.hyperv.jobs import UNATTRIBUTED
from nilometer.importers.hyperv.news import ON, News, base_memory, measure, poll_figures, sees_less
from nilometer.importers.hyperv.readings import ChangeReading, VmReading
from nilometer.importers.hyperv.state import Emission
from nilometer.importers.hyperv.vm.measuring import emit_measure, is_measurement_due, measure_before
from nilometer.importers.hyperv.vm.sizes import UNSEEN_SECONDS, MoveWindow
from nilometer.importers.hyperv.vm.vm import HypervVm


def compare_size(vm: HypervVm, reading: VmReading, news: News) -> list[Emission]:
    """The assigned memory against its last size: a move, or a measurement if one is due."""
    assigned, known = news.assigned, vm.size
    if assigned is None:
        return []
    measured = measure(reading, assigned)
    if known is None or vm.unreported:
        return [emit_measure(vm, replace(measured, power=news.power), reading.at)]
    if assigned == (known if vm.sizes.window is None else vm.sizes.window.size):
        if vm.sizes.window is None:
            is_due = is_measurement_due(vm, measured, reading.at)
            return [emit_measure(vm, measured, reading.at)] if is_due else []
        vm.sizes.window.note(reading)
        is_due = sees_less(reading) and vm.sizes.is_unseen_for(UNSEEN_SECONDS[0], reading.at)
        return close_window(vm, reading) if is_due else []
    if vm.state.memory is not None and vm.state.memory.mode is Mode.STATIC:
        return move_memory(vm, assigned, reading.at, reading.record)
    if vm.sizes.window is None:
        least, most = min(known, assigned), max(known, assigned)
        vm.sizes.window = MoveWindow(earliest=vm.read_at, last=reading, least=least, most=most)
    else:
        vm.sizes.window.extend(reading, assigned)
    vm.sizes.window.note(reading)
    return []


def move_memory(vm: HypervVm, size: int, at: UtcTime, record: str) -> list[Emission]:
    """The memory of a static VM moved: for the open request, or unasked."""
    known = vm.size
    if known is None or known == size:
        return []
    request = vm.open_request
    serves = request is not None and request.serves(known, size)
    number = request.number if request is not None and serves else None
    event = VmMemoryMoved(
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=known,
        size_to=size,
        why=WhyMoved.UNASKED if number is None else WhyMoved.REQUEST,
        request=number,
        late=request is not None and serves and request.settled is not None,
        backed=True,
        record=record,
    )
    who = UNATTRIBUTED if number is None else vm.authors.requesters.get(number)
    vm.sizes.unmeasured = True
    vm.sizes.give(size - known, vm.latest)
    return [vm.emit(event, at, vm.read_at, request=number, who=who)]


def measure_unseen(vm: HypervVm, reading: VmReading, news: News) -> list[Emission]:
    """The last reading before a change, if the guest had not seen its memory until then for so long that it counts.

    ``reading`` shows the change: another size, or a guest that stopped.
    """
    size = vm.size if vm.sizes.window is None else vm.sizes.window.size
    changes = news.begins or news.turned or news.assigned not in (None, size)
    if not changes or not vm.sizes.is_unseen_for(UNSEEN_SECONDS[0], reading.at):
        return []
    return measure_before(vm, reading.at) if vm.sizes.window is None else close_window(vm)


def confirm_size(vm: HypervVm, change: ChangeReading, size: int) -> list[Emission]:
    """A change states the size before it."""
    if vm.size is None or vm.state.session is None:
        event = VmObserved(assigned=size, devices=(base_memory(size),), record=change.record)
        emissions = [vm.emit(event, change.since)]
    else:
        emissions = move_memory(vm, size, change.at, change.record)
    vm.note_reported()
    return emissions


def close_window(vm: HypervVm, reading: VmReading | None = None) -> list[Emission]:
    """The moves so far as one event, with what this reading shows, if nothing moved since.

    Where the guest sees less than it has, that is measured in events of their own: each counts.
    """
    window, known = vm.sizes.window, vm.size
    vm.sizes.window = None
    if window is None or known is None or window.size is None:
        return []
    last, size = window.last, window.size
    dynamic = vm.state.memory is not None and vm.state.memory.mode is Mode.DYNAMIC
    shown = reading or vm.latest or last
    if shown.listing.assigned != size or shown.listing.power not in (*ON, None):
        shown = last
    unseen = sees_less(shown)
    event = VmMemoryMoved(
        device=BASE_MEMORY,
        means=Means.BOOT,
        size_from=known,
        size_to=size,
        why=WhyMoved.BALANCER if dynamic else WhyMoved.UNASKED,
        backed=True,
        least=window.least,
        most=window.most,
        moves=window.moves if dynamic else None,
        tightest=None if window.tightest is None else poll_figures(window.tightest),
        newest=None if unseen else poll_figures(shown),
        record=last.record,
    )
    emissions = [vm.emit(event, last.at, window.earliest)]
    if unseen and shown.at != last.at and sees_less(last):
        emissions.append(vm.emit(measure(last, size), last.at))
    if unseen:
        emissions.append(vm.emit(measure(shown, size), shown.at))
    return emissions
