"""The guest's own refusals: of a module that was plugged, or to let one go."""

from __future__ import annotations

from typing import Final

from nilometer.importers.qemu.entries import QueuedRecord
from nilometer.importers.qemu.records import QmpEventRecord, as_object, to_verbatim
from nilometer.importers.qemu.requests import BY_GUEST, settle
from nilometer.importers.qemu.sizes import MODULES
from nilometer.importers.qemu.vm import QemuVm

_IN_PROGRESS: Final = ((0x03, 0x84), (0x103, 0x84), (0x200, 0x80))
"""ACPI's ``_OST``, source and status: the guest is still ejecting (3, 0x103) or inserting (0x200) the module."""


def refused_by_guest(vm: QemuVm, entry: QueuedRecord, happened: str, record: QmpEventRecord) -> None:
    """The guest refused a module, or to let one go. If a step is still to come, that will tell what came of it."""
    if not _says_no(record):
        return
    told, request = record.qmp.data or {}, vm.fold.open_request(MODULES)
    name = as_object(told.get("info")).get("device", told.get("device"))
    if request is None or (isinstance(name, str) and vm.modules.get(request.number, name) != name):
        return
    if request.number in vm.stepping:
        vm.refused[request.number] = to_verbatim(told)
    else:
        settle(vm, entry, request, (happened, None), BY_GUEST, to_verbatim(told))


def _says_no(record: QmpEventRecord) -> bool:
    """Whether an event is the guest's refusal. ACPI's answers are numbers: 0 is yes, and some mean not yet."""
    if record.qmp.event != "ACPI_DEVICE_OST":
        return record.qmp.event in ("MEM_UNPLUG_ERROR", "DEVICE_UNPLUG_GUEST_ERROR")
    info = as_object((record.qmp.data or {}).get("info"))
    status, source = info.get("status"), info.get("source")
    if not isinstance(status, int) or info.get("slot-type", "DIMM") != "DIMM":
        return False
    return status != 0 and (source, status) not in _IN_PROGRESS
