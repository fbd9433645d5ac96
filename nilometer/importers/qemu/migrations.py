"""Migrations: a VM whose QEMU ends may go on in another one, and its session goes on with it.

That a VM was migrated follows from the command, or from records of the VM after the end of its QEMU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.observed.events import VmObserved
from domain.state import Power
from nilometer.importers.qemu.entries import QueuedRecord, later
from nilometer.importers.qemu.measures import Measure
from nilometer.importers.qemu.records import (
    CommandRecord,
    Json,
    LoadRecord,
    ObservationRecord,
    QmpEventRecord,
    SizeRecord,
    StepRecord,
    as_object,
    to_verbatim,
)
from nilometer.importers.qemu.vm import QemuVm

MIGRATE: Final = "migrate"
CANCEL: Final = "migrate_cancel"
NOT_MIGRATED: Final = ("failed", "cancelled", "cancelling")
"""The states of QEMU's event ``MIGRATION`` in which the VM stays where it is."""


def emit_migration(vm: QemuVm, entry: QueuedRecord, record: CommandRecord) -> bool:
    """Adds that QEMU was told to migrate the VM, or no longer to; returns false for all other commands."""
    if record.requested is not None or not record.accepted:
        return False
    name = read_command(record.qmp).partition(" ")[0]
    if name not in (MIGRATE, CANCEL):
        return False
    vm.is_migrating = name == MIGRATE
    verbatim = None if record.qmp is None else to_verbatim(record.qmp)
    vm.emit(VmObserved(label=name, told=verbatim, record=entry.reference), entry.time, entry.previous)
    return True


def read_command(qmp: Json | None) -> str:
    """Reads the words of a command: of QMP its name, of the human monitor the whole line."""
    command = as_object(qmp)
    name = command.get("execute")
    if name == "human-monitor-command":
        name = as_object(command.get("arguments")).get("command-line")
    return name if isinstance(name, str) else ""


def leaves_by_migration(vm: QemuVm, record: QmpEventRecord) -> bool:
    """Whether a QEMU that shuts down has given its VM to another one: the guest itself did not ask for that."""
    return vm.is_migrating and as_object(record.qmp.data).get("guest") is not True


def is_incoming(argv: Sequence[str] | None) -> bool:
    """Whether a QEMU was started for a VM that is migrated to it."""
    return argv is not None and "-incoming" in argv


def shows_running(vm: QemuVm, entry: QueuedRecord) -> bool:
    """Whether a record shows that a VM runs, though the QEMU that is known of has ended: another one must run it."""
    if vm.ended_at is None or entry.is_early:
        return False
    record, time = entry.record, entry.time
    if not vm.is_off:  # it was migrated; that it was resumed there may not have been recorded, but its guest answers
        return vm.fold.power is Power.PAUSED and entry.measure is not None and entry.measure.guest is not None
    if isinstance(record, QmpEventRecord):
        time = min(entry.exact_times.values(), default="") if entry.sizes else ""
    elif isinstance(record, CommandRecord):
        time = time if record.accepted and entry.sizes else ""
    elif isinstance(record, ObservationRecord | LoadRecord | StepRecord):
        time = "" if entry.measure in (None, Measure()) else time
    elif not isinstance(record, SizeRecord):
        return False
    return time > vm.ended_at


def emit_running(vm: QemuVm, entry: QueuedRecord) -> bool:
    """Adds that the VM runs, in its session if its guest booted before; returns whether the record says no more."""
    if not vm.is_off:
        vm.ended_at = None
        vm.emit(VmObserved(power=Power.RUNNING, record=entry.reference), entry.time, entry.previous)
        return False
    label = entry.record.label if isinstance(entry.record, ObservationRecord) else None
    guest = None if entry.measure is None else entry.measure.guest
    uptime = None if guest is None else guest.uptime_s
    went_on = uptime is not None and later(entry.time, timedelta(seconds=-uptime)) < (vm.ended_at or "")
    session = (vm.fold.session or 0) + (0 if went_on else 1)
    start = replace(vm.build_start(entry), power=Power.RUNNING, session=session, label=label)
    vm.emit(start, entry.time, vm.ended_at)
    vm.ended_at = None
    vm.measured_at = dict.fromkeys(entry.sizes, entry.time)
    vm.moved_at = {}
    return entry.measure is not None
