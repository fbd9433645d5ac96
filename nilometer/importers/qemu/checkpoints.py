"""Checkpoints: one that is applied brings back the sizes of its moment. Nobody asked for these moves by their size."""

from __future__ import annotations

from typing import Final

from domain.observed.events import VmCheckpoint
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.migrations import read_command
from nilometer.importers.qemu.records import CommandRecord, as_object
from nilometer.importers.qemu.requests import requester_of
from nilometer.importers.qemu.vm import QemuVm

_COMMANDS: Final = ("savevm", "loadvm")


def emit_checkpoint(vm: QemuVm, entry: QueuedRecord, record: CommandRecord) -> bool:
    """Adds that a checkpoint was taken or applied; returns false for all other commands, and those that failed.

    The human monitor answers with nothing if it did what it was told, and else with the reason.
    """
    if record.requested is not None or not record.accepted or as_object(record.reply).get("return"):
        return False
    command, _, name = read_command(record.qmp).partition(" ")
    if command not in _COMMANDS or not name:
        return False
    event = VmCheckpoint(name=name, applied=command == "loadvm", record=entry.reference)
    vm.emit(event, entry.time, entry.previous, who=requester_of(record))
    vm.is_restored = event.applied
    return True
