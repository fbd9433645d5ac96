"""A driver attaches to a VM that runs already, or again: what it finds, and what happened while nobody watched."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.observed.events import VmObserved
from domain.state import Power
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.machine import Machine
from nilometer.importers.qemu.records import AttachRecord, as_object
from nilometer.importers.qemu.requests import settle_not_carried_out, settle_reached, settle_stopped
from nilometer.importers.qemu.vm import QemuVm

LABEL: Final = "attached"
"""The label of the event that somebody watches a VM from there on."""
_RUNNING: Final = "running"
_OFF: Final = ("shutdown", "internal-error")


def emit_attach(vm: QemuVm, entry: QueuedRecord, record: AttachRecord, host: str) -> None:
    """Adds what a driver finds when it attaches: the first sight of a VM, the same guest again, or another start of it.

    What moved since the last record moved in between, and nobody knows when.
    """
    last = vm.last_entry
    is_first = vm.fold.version == 0
    is_same = vm.process == record.process or None in (vm.process, record.process) or record.incoming
    vm.process, vm.uuid = record.process or vm.process, record.uuid or vm.uuid
    found = VmObserved(name=record.vm, host=host, hypervisor=read_version(record.qemu), power=read_power(record.status))
    if is_first or vm.machine.deflates_on_oom is None:
        vm.machine.deflates_on_oom = record.deflate_on_oom
    vm.was_reset, vm.is_migrating, vm.ended_at = False, False, None
    if is_first:
        _emit_found(vm, entry, found)
    elif vm.is_off or not is_same:
        since = None if last is None else last.time
        vm.awaiting_step.clear()
        settle_stopped(vm, entry, entry.time, since)
        vm.machine = Machine(deflates_on_oom=record.deflate_on_oom)
        session = (vm.fold.session or 0) + 1
        begun = replace(vm.build_start(entry), name=found.name, host=host, hypervisor=found.hypervisor)
        vm.emit(replace(begun, power=found.power, session=session, label=LABEL), entry.time, since)
        vm.moved_at = {}
    else:
        vm.emit_moves(entry)
        vm.awaiting_step.clear()
        settle_reached(vm, entry)
        settle_not_carried_out(vm, entry)
        _emit_found(vm, entry, found)
    vm.measured_at.update(dict.fromkeys(entry.sizes, entry.time))


def _emit_found(vm: QemuVm, entry: QueuedRecord, found: VmObserved) -> None:
    measured = vm.build_measurement(entry) or VmObserved(record=entry.reference)
    vm.emit(
        replace(
            measured, name=found.name, host=found.host, hypervisor=found.hypervisor, power=found.power, label=LABEL
        ),
        entry.time,
    )


def read_power(status: str | None) -> Power | None:
    """The power of a VM by QEMU's own word for its state; ``None`` if it does not say it."""
    if status is None:
        return None
    if status == _RUNNING:
        return Power.RUNNING
    return Power.OFF if status in _OFF else Power.PAUSED


def read_version(version: object) -> str | None:
    """Reads QEMU's version from the answer to ``query-version``."""
    parts = as_object(as_object(version).get("qemu"))
    numbers = [str(parts[part]) for part in ("major", "minor", "micro") if part in parts]
    return "QEMU " + ".".join(numbers) if numbers else None
