"""``Get-SCVirtualMachine | ConvertTo-Json`` of System Center VMM: VMs with their memory in MB.

``ComputerName`` is the guest's own name, and no host. A state that is written as a number is not read: its meaning
depends on the release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import MiB
from domain.state import Power
from nilometer.importers.hyperv.readings import Reading, VmListing, VmReading
from nilometer.importers.hyperv.sources.get_vm.properties import PropertyReader, read_json_objects
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import (
    Json,
    parse_configured,
    parse_count,
    parse_flag,
    parse_guid,
    parse_text,
    parse_vm_memory,
    parse_whole,
)
from nilometer.textio.texts import ByteStream

_SIGNS: Final = (b'"MemoryAssignedMB"', b'"DynamicMemoryMaximumMB"', b'"VMMServer"')
_STATES: Final = {
    "running": Power.RUNNING,
    "poweroff": Power.OFF,
    "poweredoff": Power.OFF,
    "stopped": Power.OFF,
    "saved": Power.SAVED,
    "paused": Power.PAUSED,
}
_EXPECTED: Final = "write it with: Get-SCVirtualMachine | ConvertTo-Json, with all its properties"
_NO_TIME: Final = "say when it was collected: --at 2026-11-23T09:00:00Z"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] in (b"{", b"[") and any(sign in first for sign in _SIGNS)


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file. What cannot be read is skipped, with place and hint."""
    if context.at is None:
        no_time = f"{name}:1: Get-SCVirtualMachine does not say when it ran"
        context.skipped.add(InputError(no_time, hint=_NO_TIME))
        return
    for where, value in read_json_objects(stream, name, context.skipped):
        try:
            yield _read_vm(value, where, context.at, context)
        except InputError as error:
            context.skipped.add(error)


def _read_vm(value: object, where: str, at: UtcTime, context: FileContext) -> VmReading:
    if not isinstance(value, dict):
        raise InputError(f"{where}: is not an object of Get-SCVirtualMachine", hint=_EXPECTED)
    properties = PropertyReader(cast("Json", value), where, context.counts, _EXPECTED)
    get = properties.get
    state = next(
        filter(None, (_read_state(properties.values.get(key)) for key in ("VirtualMachineState", "Status"))), None
    )
    off = state in (Power.OFF, Power.SAVED)
    dynamic = get("DynamicMemoryEnabled", parse_flag)
    assigned = get("MemoryAssignedMB", _in_megabytes(parse_vm_memory))
    listing = VmListing(
        host=_find_host(properties.values) or host_name(context.host),
        vm_id=get("VMId", parse_guid),  # ID is that of VMM's own records
        name=get("Name", parse_text),
        power=state,
        generation=get("Generation", parse_count),
        dynamic=dynamic,
        startup=get("Memory", _in_megabytes(parse_configured)),
        minimum=get("DynamicMemoryMinimumMB", _in_megabytes(parse_configured)) if dynamic else None,
        maximum=get("DynamicMemoryMaximumMB", _in_megabytes(parse_configured)) if dynamic else None,
        buffer=get("DynamicMemoryBufferPercentage", parse_count) if dynamic else None,
        assigned=assigned if assigned or off else None,
    )
    if listing.vm_id is None and listing.name is None:
        raise InputError(f"{where}: gives neither the VM's id nor its name", hint=_EXPECTED)
    return VmReading(at=at, record=where, listing=listing)


def _in_megabytes(read: Callable[[object], int | None]) -> Callable[[object], int | None]:
    """A reader of a size in bytes, for one that is written in MB."""

    def read_megabytes(value: object) -> int | None:
        count = parse_whole(value)
        return None if count is None else read(count * MiB if 0 <= count < 2**40 else count)

    return read_megabytes


def _find_host(properties: Json) -> str | None:
    for key in ("VMHost", "HostName"):
        value = properties.get(key)
        named = cast("Json", value).get("Name") if isinstance(value, dict) else value
        if isinstance(named, str) and host_name(named) is not None:
            return host_name(named)
    return None


def _read_state(value: object) -> Power | None:
    named = cast("Json", value).get("Value") if isinstance(value, dict) else value
    return _STATES.get(named.replace(" ", "").lower()) if isinstance(named, str) else None
