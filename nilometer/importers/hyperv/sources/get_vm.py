"""``Get-VM``, ``Get-VMMemory`` and ``Get-VMHost`` through ``ConvertTo-Json``, of Windows PowerShell 5.1 and of 7.

None of them says when it was collected: that has to be known beside the file. MemoryDemand is not read: it is no memory
in use, but worked out from a percentage. Status and MemoryStatus are not read: they are in the host's language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar, cast

from domain.errors import InputError
from domain.state import Power
from nilometer.importers.hyperv.readings import HostReading, Reading, VmReading
from nilometer.importers.hyperv.sources.context import Context, PassOver, host_name, tell
from nilometer.importers.hyperv.sources.json_stream import documents
from nilometer.importers.hyperv.sources.values import (
    BadValue,
    Json,
    flag,
    guid,
    power,
    seconds,
    size,
    small,
    text,
    version,
)
from nilometer.textio.texts import ByteStream

_SIGNS: Final = tuple(
    f'"{name}"'.encode()
    for name in (
        "MemoryAssigned", "MemoryCapacity", "MaximumPerNumaNode", "IntegrationServicesState", "SmartPagingFileInUse",
        "ParentSnapshotId",
    )
)  # fmt: skip
"""Properties that objects of these commands have and hardly anything else has."""
_EXPECTED: Final = "write it with: Get-VM | ConvertTo-Json (or Get-VMMemory, Get-VMHost), with all their properties"
_NO_TIME: Final = "say when it was collected: --at 2026-11-23T09:00:00Z"
_ONE_TIME: Final = "a file has one time: import each collection as a file of its own, with its own --at"
_NO_HOST: Final = "say whose it is: --on hv01"

T = TypeVar("T")


def recognises(first: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return first.lstrip()[:1] in (b"{", b"[") and any(sign in first for sign in _SIGNS)


def read(stream: ByteStream, name: str, context: Context, pass_over: PassOver | None = None) -> Iterator[Reading]:
    """What a file tells. Raises ``InputError`` with place and hint, or tells ``pass_over`` and goes on."""
    if context.at is None:
        no_time = f"{name}:1: Get-VM, Get-VMMemory and Get-VMHost do not say when they ran"
        tell(InputError(no_time, hint=_NO_TIME), pass_over)
        return
    seen = set[tuple[str, str]]()
    for place, document in documents(stream, name, pass_over):
        objects = _objects(document)
        for number, value in enumerate(objects, start=1):
            where = place if len(objects) == 1 else f"{place}: object {number}"
            try:
                kind, key, reading = _reading(value, where, context.at, context)
                if (kind, key) in seen:
                    raise InputError(f"{where}: {kind} of {key} is told for the second time", hint=_ONE_TIME)
            except InputError as error:
                tell(error, pass_over)
            else:
                seen.add((kind, key))
                if reading is not None:
                    yield reading


def _objects(document: object) -> list[object]:
    """The objects of a document: one, an array, or an array that 5.1 wrapped with its count."""
    if isinstance(document, dict):
        wrapped = cast("Json", document)
        if wrapped.keys() == {"value", "Count"}:
            document = wrapped["value"]
    return cast("list[object]", document) if isinstance(document, list) else [document]


def _reading(value: object, where: str, at: str, context: Context) -> tuple[str, str, Reading | None]:
    """The command that an object is of, what it is about, and what it tells."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: is no object of Get-VM, Get-VMMemory or Get-VMHost", hint=_EXPECTED)
    told = _Object(cast("Json", value), where)
    if "MemoryCapacity" in told.values:
        host = _host(told, context) or host_name(told.get("Name", text))
        if host is None:
            raise InputError(f"{where}: Get-VMHost does not tell the host's name", hint=_NO_HOST)
        total = told.get("MemoryCapacity", size)
        return "Get-VMHost", host, HostReading(at=at, host=host, record=where, total=total)
    if "SnapshotType" in told.values:
        raise InputError(f"{where}: is a checkpoint and no VM", hint=_EXPECTED)
    if "MemoryAssigned" in told.values:
        vm = _vm(told, at, context)
    elif "Startup" in told.values and "DynamicMemoryEnabled" in told.values:
        if told.get("VMSnapshotId", guid) is not None:
            return "Get-VMMemory", f"a checkpoint, {where}", None  # its setting, not the VM's
        vm = _memory(told, at, context)
    else:
        raise InputError(f"{where}: is no object of Get-VM, Get-VMMemory or Get-VMHost", hint=_EXPECTED)
    key = vm.vm_id or vm.name
    if key is None:
        raise InputError(f"{where}: tells neither the VM's id nor its name", hint=_EXPECTED)
    kind = "Get-VM" if "MemoryAssigned" in told.values else "Get-VMMemory"
    return kind, key if vm.host is None else f"{key} on {vm.host}", vm  # migrating, it is on two hosts


class _Object:
    """A JSON object and where it stands."""

    def __init__(self, values: Json, where: str) -> None:
        self.values = values
        self.where = where

    def get(self, key: str, read: Callable[[object], T | None]) -> T | None:
        """A property; ``None`` where it is not told. Raises ``InputError`` if it cannot be read."""
        try:
            return read(self.values.get(key))
        except BadValue as bad:
            raise InputError(f"{self.where}: {key} {bad}", hint=_EXPECTED) from None


def _host(told: _Object, context: Context) -> str | None:
    return host_name(told.get("ComputerName", text)) or host_name(context.host)


def _vm(told: _Object, at: str, context: Context) -> VmReading:
    state = told.get("State", power)
    off = state in (Power.OFF, Power.SAVED)
    assigned = told.get("MemoryAssigned", size)
    dynamic = told.get("DynamicMemoryEnabled", flag)
    return VmReading(
        at=at,
        record=told.where,
        host=_host(told, context),
        vm_id=told.get("VMId", guid) or told.get("Id", guid),
        name=told.get("Name", text) or told.get("VMName", text),
        power=state,
        uptime=None if off else told.get("Uptime", seconds),
        generation=told.get("Generation", small),
        config_version=told.get("Version", version),
        dynamic=dynamic,
        startup=told.get("MemoryStartup", size),
        # Hyper-V shows defaults for a static VM, which mean nothing.
        minimum=told.get("MemoryMinimum", size) if dynamic else None,
        maximum=told.get("MemoryMaximum", size) if dynamic else None,
        # A VM that has just started is shown with 0 assigned: that is not reported yet.
        assigned=assigned if assigned or off else None,
    )


def _memory(told: _Object, at: str, context: Context) -> VmReading:
    dynamic = told.get("DynamicMemoryEnabled", flag)
    return VmReading(
        at=at,
        record=told.where,
        host=_host(told, context),
        vm_id=told.get("VMId", guid),  # Id is the setting's own
        name=told.get("VMName", text),
        dynamic=dynamic,
        startup=told.get("Startup", size),
        minimum=told.get("Minimum", size) if dynamic else None,
        maximum=told.get("Maximum", size) if dynamic else None,
        buffer=told.get("Buffer", small) if dynamic else None,
        weight=told.get("Priority", small) if dynamic else None,
    )
