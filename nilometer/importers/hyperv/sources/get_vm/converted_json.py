"""``Get-VM``, ``Get-VMMemory`` and ``Get-VMHost`` through ``ConvertTo-Json``, of Windows PowerShell 5.1 and of 7."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.get_vm.objects import read_objects
from nilometer.importers.hyperv.sources.get_vm.properties import read_json_objects
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.textio.texts import ByteStream

_SIGNS: Final = tuple(
    f'"{name}"'.encode()
    for name in (
        "MemoryAssigned", "MemoryStartup", "MemoryCapacity", "MaximumPerNumaNode", "IntegrationServicesState",
        "SmartPagingFileInUse", "ParentSnapshotId",
    )
)  # fmt: skip
"""Properties that objects of these commands have, and hardly any other object."""


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] in (b"{", b"[") and any(sign in first for sign in _SIGNS)


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file. What cannot be read is skipped, with place and hint."""
    return read_objects(read_json_objects(stream, name, context.skipped), name, context)
