"""Nilometer: an event-sourced ledger of Hyper-V memory changes.

    from nilometer import AddMemory, Ledger, Request, parse_size

    with Ledger.open("sqlite:///nilometer.db", create=True) as ledger:
        result = ledger.execute(Request(AddMemory("web01", parse_size("2GiB")), actor="ops", via="resize.py"))
        print(result.outcome, result.granted)

Everything that is meant for others is in ``__all__`` here; other modules may change without notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nilometer.api import (
        AddMemory,
        Code,
        Command,
        ConfigureGuest,
        ConfigureMemory,
        ConfigVersion,
        DefineVm,
        Envelope,
        Event,
        Fact,
        Grow,
        Guest,
        HostVersion,
        ImportedFile,
        ImportStopped,
        InputError,
        Ledger,
        LedgerError,
        MemorySetting,
        Metadata,
        Mode,
        MoveVm,
        NilometerError,
        Observation,
        Outcome,
        Pause,
        RebootGuest,
        Reclaim,
        RegisterHost,
        RemoveHost,
        RemoveMemory,
        RemoveVm,
        ReportInUse,
        Request,
        ResizeHost,
        Restore,
        Result,
        Resume,
        Save,
        SetMemory,
        SetReserve,
        Start,
        Stop,
        UnknownHost,
        UnknownVm,
        import_hyperv,
        import_qemu,
        parse_size,
    )

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


def __getattr__(name: str) -> object:
    """Imports what is asked for when it is asked for: ``nilo --help`` must not wait for a database driver."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nilometer import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
