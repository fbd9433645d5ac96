"""Commands: what can be requested of a decided host or VM. Sizes are bytes.

A command does not say who requests it, when and why: ``nilometer.ledger.requests.Request`` does.
"""

from __future__ import annotations

from typing import Final

from domain.guests import Guest
from domain.record import Record, record
from domain.settings import Generation, HostVersion
from domain.shapes import ConfigVersionText, Id, MemoryShape, Name, TypedSize


@record()
class RegisterHost(Record):
    """Register a host with ``total`` bytes of memory, of which the root partition keeps ``reserve``."""

    host: Id
    version: HostVersion
    total: TypedSize
    reserve: TypedSize


@record()
class ResizeHost(Record):
    """Change the memory of a host to ``total`` bytes."""

    host: Id
    total: TypedSize


@record()
class SetReserve(Record):
    """Change what the root partition keeps to ``reserve`` bytes."""

    host: Id
    reserve: TypedSize


@record()
class RemoveHost(Record):
    """Remove a host without VMs; its history stays."""

    host: Id


@record()
class DefineVm(Record):
    """Define a VM, which is off. ``name`` is what people call it; without one it is called by its id."""

    vm: Id
    host: Id
    generation: Generation
    guest: Guest
    config_version: ConfigVersionText
    memory: MemoryShape
    name: Name | None = None


@record()
class ConfigureMemory(Record):
    """Change the memory setting of a VM."""

    vm: Id
    memory: MemoryShape


@record()
class ConfigureGuest(Record):
    """Change the guest or the configuration version of a VM that is off."""

    vm: Id
    guest: Guest
    config_version: ConfigVersionText


@record()
class Start(Record):
    """Start a VM that is off."""

    vm: Id


@record()
class Stop(Record):
    """Stop a VM."""

    vm: Id


@record()
class Pause(Record):
    """Pause a running VM; it keeps its memory."""

    vm: Id


@record()
class Resume(Record):
    """Resume a paused VM."""

    vm: Id


@record()
class Save(Record):
    """Save a VM; its host gets the memory back."""

    vm: Id


@record()
class Restore(Record):
    """Restore a saved VM, if its host has the memory."""

    vm: Id


@record()
class RebootGuest(Record):
    """Restart the guest with its startup memory."""

    vm: Id


@record()
class ReportInUse(Record):
    """Report the memory that the processes in the guest use."""

    vm: Id
    in_use: TypedSize


@record()
class AddMemory(Record):
    """Hot-add memory to a running static VM."""

    vm: Id
    amount: TypedSize


@record()
class RemoveMemory(Record):
    """Remove memory from a running static VM."""

    vm: Id
    amount: TypedSize


@record()
class SetMemory(Record):
    """Bring a static VM to a size: configure it while it is off, else resize it by the difference."""

    vm: Id
    size: TypedSize


@record()
class Grow(Record):
    """Let Dynamic Memory give memory to a running VM."""

    vm: Id
    amount: TypedSize


@record()
class Reclaim(Record):
    """Let Dynamic Memory take memory from a running VM."""

    vm: Id
    amount: TypedSize


@record()
class MoveVm(Record):
    """Move a VM to another host."""

    vm: Id
    to: Id


@record()
class RemoveVm(Record):
    """Remove a VM that is off; its history stays."""

    vm: Id


HostCommand = RegisterHost | ResizeHost | SetReserve | RemoveHost
VmCommand = (
    ConfigureMemory
    | ConfigureGuest
    | Start
    | Stop
    | Pause
    | Resume
    | Save
    | Restore
    | RebootGuest
    | ReportInUse
    | AddMemory
    | RemoveMemory
    | SetMemory
    | Grow
    | Reclaim
    | MoveVm
    | RemoveVm
)
Command = HostCommand | DefineVm | VmCommand

COMMANDS: Final[dict[str, type[Command]]] = {
    "register-host": RegisterHost,
    "resize-host": ResizeHost,
    "set-reserve": SetReserve,
    "remove-host": RemoveHost,
    "define-vm": DefineVm,
    "configure-memory": ConfigureMemory,
    "configure-guest": ConfigureGuest,
    "start": Start,
    "stop": Stop,
    "pause": Pause,
    "resume": Resume,
    "save": Save,
    "restore": Restore,
    "reboot-guest": RebootGuest,
    "report-in-use": ReportInUse,
    "add-memory": AddMemory,
    "remove-memory": RemoveMemory,
    "set-memory": SetMemory,
    "grow": Grow,
    "reclaim": Reclaim,
    "move-vm": MoveVm,
    "remove-vm": RemoveVm,
}
"""Every command by the name that scripts, events and people call it."""

NAMES: Final[dict[type[Command], str]] = {kind: name for name, kind in COMMANDS.items()}
