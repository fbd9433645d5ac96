"""Objects of ``Get-VM``, ``Get-VMMemory`` and ``Get-VMHost``, in whatever format they were written: their readings.

None of them says when it was collected: that has to be known beside the file. MemoryDemand is not read: it is
computed from a percentage, and is not the memory in use. Status and MemoryStatus are not read: they are in
the host's language.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.state import Power
from nilometer.importers.hyperv.readings import HostReading, Reading, VmListing, VmReading
from nilometer.importers.hyperv.sources.get_vm.properties import PropertyReader
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import (
    Json,
    parse_configured,
    parse_count,
    parse_flag,
    parse_guid,
    parse_host_memory,
    parse_power,
    parse_seconds,
    parse_text,
    parse_version,
    parse_vm_memory,
)

_EXPECTED: Final = "write it with: Get-VM | ConvertTo-Json (or Get-VMMemory, Get-VMHost), with all their properties"
_NO_TIME: Final = "say when it was collected: --at 2026-11-23T09:00:00Z"
_ONE_TIME: Final = "a file has one time: import each collection as a file of its own, with its own --at"
_NO_HOST: Final = "name it: --on hv01"


def read_objects(objects: Iterator[tuple[str, object]], name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of objects with their places, in whatever format they were written."""
    if context.at is None:
        no_time = f"{name}:1: Get-VM, Get-VMMemory and Get-VMHost do not say when they ran"
        context.skipped.add(InputError(no_time, hint=_NO_TIME))
        return
    read_so_far = set[tuple[str, str]]()
    for where, value in objects:
        try:
            kind, key, reading = _reading(value, where, context.at, context)
            if (kind, key) in read_so_far:
                raise InputError(f"{where}: {kind} of {key} is in the file twice", hint=_ONE_TIME)
        except InputError as error:
            context.skipped.add(error)
        else:
            read_so_far.add((kind, key))
            if reading is not None:
                yield reading


def _reading(value: object, where: str, at: UtcTime, context: FileContext) -> tuple[str, str, Reading | None]:
    """The command that wrote an object, what it is about, and its reading."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: is not an object of Get-VM, Get-VMMemory or Get-VMHost", hint=_EXPECTED)
    properties = PropertyReader(cast("Json", value), where, context.counts, _EXPECTED)
    if "MemoryCapacity" in properties.values:
        host = _find_host(properties, context) or host_name(properties.get("Name", parse_text))
        if host is None:
            raise InputError(f"{where}: Get-VMHost does not give the host's name", hint=_NO_HOST)
        total = properties.get("MemoryCapacity", parse_host_memory)
        return "Get-VMHost", host, HostReading(at=at, host=host, record=where, total=total)
    if "SnapshotType" in properties.values:
        raise InputError(f"{where}: is a checkpoint, not a VM", hint=_EXPECTED)
    is_vm = "MemoryAssigned" in properties.values or {"State", "MemoryStartup"} <= properties.values.keys()
    if is_vm:
        vm = _vm(properties, at, context)
    elif "Startup" in properties.values and "DynamicMemoryEnabled" in properties.values:
        if properties.get("VMSnapshotId", parse_guid) is not None:
            return "Get-VMMemory", f"a checkpoint, {where}", None  # its setting, not the VM's
        vm = _memory(properties, at, context)
    else:
        raise InputError(f"{where}: is not an object of Get-VM, Get-VMMemory or Get-VMHost", hint=_EXPECTED)
    key = vm.listing.vm_id or vm.listing.name
    if key is None:
        raise InputError(f"{where}: gives neither the VM's id nor its name", hint=_EXPECTED)
    kind = "Get-VM" if is_vm else "Get-VMMemory"
    return kind, key if vm.listing.host is None else f"{key} on {vm.listing.host}", vm  # two hosts list a migrating VM


def _find_host(properties: PropertyReader, context: FileContext) -> str | None:
    """The host that an object names, also as the computer that it came from through PowerShell remoting."""
    named = (host_name(properties.get(key, parse_text)) for key in ("ComputerName", "PSComputerName"))
    return next(filter(None, named), None) or host_name(context.host)


def _vm(properties: PropertyReader, at: UtcTime, context: FileContext) -> VmReading:
    state = properties.get("State", parse_power)
    off = state in (Power.OFF, Power.SAVED)
    assigned = properties.get("MemoryAssigned", parse_vm_memory)
    dynamic = properties.get("DynamicMemoryEnabled", parse_flag)
    uptime = None if off else properties.get("Uptime", parse_seconds)
    listing = VmListing(
        host=_find_host(properties, context),
        vm_id=properties.get("VMId", parse_guid) or properties.get("Id", parse_guid),
        name=properties.get("Name", parse_text) or properties.get("VMName", parse_text),
        power=state,
        generation=properties.get("Generation", parse_count),
        config_version=properties.get("Version", parse_version),
        dynamic=dynamic,
        startup=properties.get("MemoryStartup", parse_configured),
        # For a static VM, Hyper-V shows defaults that mean nothing.
        minimum=properties.get("MemoryMinimum", parse_configured) if dynamic else None,
        maximum=properties.get("MemoryMaximum", parse_configured) if dynamic else None,
        # A VM that has just started shows 0 assigned: it has not reported yet.
        assigned=assigned if assigned or off else None,
    )
    return VmReading(at=at, record=properties.where, listing=listing, uptime=uptime)


def _memory(properties: PropertyReader, at: UtcTime, context: FileContext) -> VmReading:
    dynamic = properties.get("DynamicMemoryEnabled", parse_flag)
    listing = VmListing(
        host=_find_host(properties, context),
        vm_id=properties.get("VMId", parse_guid),  # Id is the setting's own
        name=properties.get("VMName", parse_text),
        dynamic=dynamic,
        startup=properties.get("Startup", parse_configured),
        minimum=properties.get("Minimum", parse_configured) if dynamic else None,
        maximum=properties.get("Maximum", parse_configured) if dynamic else None,
        buffer=properties.get("Buffer", parse_count) if dynamic else None,
        weight=properties.get("Priority", parse_count) if dynamic else None,
    )
    return VmReading(at=at, record=properties.where, listing=listing)
