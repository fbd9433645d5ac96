"""Commands: what may be asked of a decided host or VM. Sizes are bytes.

Who asks, when and why (``at``, ``actor``, ``via``, ``reason``, ``correlation``) travels beside a command, not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from domain.guests import Guest
from domain.settings import HostVersion
from domain.shapes import ConfigVersionText, Id, MemoryShape, Name, TypedSize


@dataclass(frozen=True, slots=True)
class RegisterHost:
    """A host begins: ``total`` bytes of memory, of which the root partition keeps ``reserve``."""

    host: Id
    version: HostVersion
    total: TypedSize
    reserve: TypedSize


@dataclass(frozen=True, slots=True)
class ResizeHost:
    """The host's memory is changed to ``total`` bytes."""

    host: Id
    total: TypedSize


@dataclass(frozen=True, slots=True)
class SetReserve:
    """What the root partition keeps is changed to ``reserve`` bytes."""

    host: Id
    reserve: TypedSize


@dataclass(frozen=True, slots=True)
class RemoveHost:
    """An empty host goes; its history stays."""

    host: Id


@dataclass(frozen=True, slots=True)
class DefineVm:
    """A VM begins, off. ``name`` is what people call it; without one it is called by its id."""

    vm: Id
    host: Id
    generation: Literal[1, 2]
    guest: Guest
    config_version: ConfigVersionText
    memory: MemoryShape
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class ConfigureMemory:
    """The memory setting is changed."""

    vm: Id
    memory: MemoryShape


@dataclass(frozen=True, slots=True)
class ConfigureGuest:
    """The guest, or the configuration version, is changed while the VM is off."""

    vm: Id
    guest: Guest
    config_version: ConfigVersionText


@dataclass(frozen=True, slots=True)
class Start:
    """A VM that is off starts."""

    vm: Id


@dataclass(frozen=True, slots=True)
class Stop:
    """A VM stops."""

    vm: Id


@dataclass(frozen=True, slots=True)
class Pause:
    """A running VM is paused; it keeps its memory."""

    vm: Id


@dataclass(frozen=True, slots=True)
class Resume:
    """A paused VM runs on."""

    vm: Id


@dataclass(frozen=True, slots=True)
class Save:
    """A VM is saved; its host gets the memory back."""

    vm: Id


@dataclass(frozen=True, slots=True)
class Restore:
    """A saved VM runs on, if its host has the memory."""

    vm: Id


@dataclass(frozen=True, slots=True)
class RebootGuest:
    """The guest restarts with its startup memory."""

    vm: Id


@dataclass(frozen=True, slots=True)
class ReportInUse:
    """The guest tells what its processes hold."""

    vm: Id
    in_use: TypedSize


@dataclass(frozen=True, slots=True)
class AddMemory:
    """Memory is hot-added to a running static VM."""

    vm: Id
    amount: TypedSize


@dataclass(frozen=True, slots=True)
class RemoveMemory:
    """Memory is removed from a running static VM."""

    vm: Id
    amount: TypedSize


@dataclass(frozen=True, slots=True)
class SetMemory:
    """A static VM is brought to a size: configured while off, else resized by the difference."""

    vm: Id
    size: TypedSize


@dataclass(frozen=True, slots=True)
class Grow:
    """Dynamic Memory gives to a running VM."""

    vm: Id
    amount: TypedSize


@dataclass(frozen=True, slots=True)
class Reclaim:
    """Dynamic Memory takes from a running VM."""

    vm: Id
    amount: TypedSize


@dataclass(frozen=True, slots=True)
class MoveVm:
    """A VM moves to another host."""

    vm: Id
    to: Id


@dataclass(frozen=True, slots=True)
class RemoveVm:
    """A VM that is off goes; its history stays."""

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
