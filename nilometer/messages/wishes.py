"""What a command that names no amount asked for, as its event tells it."""

from __future__ import annotations

from domain import events
from domain.events import Argument, Event
from domain.settings import MemorySetting, Mode
from nilometer.messages.events import setting
from nilometer.messages.sizes import alike, size

_SIZES = ("size", "total", "reserve", "in_use")
_SAID_BY_THE_COMMAND = (*_SIZES, "memory")
"""Arguments that need no name where they are the only one."""


def wishes(event: Event) -> str:
    """What was asked for, as ``total 64 GiB, reserve 2.25 GiB``; empty where the command's name says it all."""
    match event:
        case events.VmCommandRefused() | events.HostCommandRefused():
            return _arguments({name: value for name, value in event.arguments.items() if name != "vm"})
        case events.HostRegistered():
            total, reserve = alike([event.total, event.reserve])
            return f"version {event.version}, total {total}, reserve {reserve}"
        case events.HostResized():
            return size(event.total)
        case events.HostReserveSet():
            return size(event.reserve)
        case events.VmDefined():
            guest = f"guest {event.guest}, config version {event.config_version}"
            return f"on {event.host}, generation {event.generation}, {guest}, memory {setting(event.memory)}"
        case events.VmMemoryConfigured():
            return setting(event.memory)
        case events.VmGuestConfigured():
            return f"guest {event.guest}, config version {event.config_version}"
        case events.VmInUseReported():
            return size(event.in_use)
        case events.VmMoved():
            return f"to {event.destination}"
        case _:
            return ""


def _arguments(given: dict[str, Argument]) -> str:
    alone = len(given) == 1
    return ", ".join(
        _written(name, value) if alone and name in _SAID_BY_THE_COMMAND else f"{_name(name)} {_written(name, value)}"
        for name, value in given.items()
    )


def _name(argument: str) -> str:
    return argument.replace("_", " ")


def _written(name: str, value: Argument) -> str:
    if isinstance(value, dict):
        return ", ".join(_setting(mode, figures) for mode, figures in value.items())
    return size(value) if isinstance(value, int) and name in _SIZES else str(value)


def _setting(mode: str, figures: dict[str, int]) -> str:
    if mode == Mode.STATIC:
        return f"static, {size(figures['size'])}"
    return setting(MemorySetting(mode=Mode.DYNAMIC, **figures))
