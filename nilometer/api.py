"""What others may import, from ``nilometer``: ledgers, commands, and what they answer."""

from __future__ import annotations

from domain.commands import (
    AddMemory,
    Command,
    ConfigureGuest,
    ConfigureMemory,
    DefineVm,
    Grow,
    MoveVm,
    Pause,
    RebootGuest,
    Reclaim,
    RegisterHost,
    RemoveHost,
    RemoveMemory,
    RemoveVm,
    ReportInUse,
    ResizeHost,
    Restore,
    Resume,
    Save,
    SetMemory,
    SetReserve,
    Start,
    Stop,
)
from domain.decision import Code, Outcome
from domain.envelope import Envelope, Metadata
from domain.errors import InputError, NilometerError, UnknownHost, UnknownVm
from domain.events import Event
from domain.guests import Guest
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.shapes import parse_size
from nilometer.errors import LedgerError
from nilometer.importers.importing import ImportedFile, ImportStopped, import_hyperv, import_qemu
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation, Request, Result

__all__ = [
    "AddMemory",
    "Code",
    "Command",
    "ConfigVersion",
    "ConfigureGuest",
    "ConfigureMemory",
    "DefineVm",
    "Envelope",
    "Event",
    "Fact",
    "Grow",
    "Guest",
    "HostVersion",
    "ImportStopped",
    "ImportedFile",
    "InputError",
    "Ledger",
    "LedgerError",
    "MemorySetting",
    "Metadata",
    "Mode",
    "MoveVm",
    "NilometerError",
    "Observation",
    "Outcome",
    "Pause",
    "RebootGuest",
    "Reclaim",
    "RegisterHost",
    "RemoveHost",
    "RemoveMemory",
    "RemoveVm",
    "ReportInUse",
    "Request",
    "ResizeHost",
    "Restore",
    "Result",
    "Resume",
    "Save",
    "SetMemory",
    "SetReserve",
    "Start",
    "Stop",
    "UnknownHost",
    "UnknownVm",
    "import_hyperv",
    "import_qemu",
    "parse_size",
]
