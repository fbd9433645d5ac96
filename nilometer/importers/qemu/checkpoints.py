"""Checkpoints: one that is applied brings back the sizes of its moment. Nobody asked for these moves by their size."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.observed.events import VmCheckpoint
from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.migrations import read_command
from nilometer.importers.qemu.records import CommandRecord, as_object
from nilometer.importers.qemu.requests import requester_of
from nilometer.importers.qemu.vm import QemuVm

_COMMANDS: Final = ("savevm", "loadvm")


def read_checkpoint(record: CommandRecord) -> VmCheckpoint | None:
    """Reads that a checkpoint was taken or applied; ``None`` for all other commands, and those that failed.

    The human monitor answers with nothing if it did what it was told, and else with the reason.
    """
    if record.requested is not None or not record.accepted or as_object(record.reply).get("return"):
        return None
    command, _, name = read_command(record.qmp).partition(" ")
    return VmCheckpoint(name=name, applied=command == "loadvm") if command in _COMMANDS and name else None


def emit_checkpoint(vm: QemuVm, entry: QueuedRecord, record: CommandRecord) -> bool:
    """Adds that a checkpoint was taken or applied; returns false for all other commands."""
    event = read_checkpoint(record)
    if event is None:
        return False
    sizes = {device: account.size for device, account in vm.fold.accounts.items()}
    vm.emit(replace(event, record=entry.reference), entry.time, entry.previous, who=requester_of(record))
    vm.is_restored = event.applied
    vm.sizes_undone = sizes if event.applied else {}
    return True
