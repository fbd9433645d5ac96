"""Sentences about commands that were rejected: one for each code, with the figures that were read, and a hint."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Final

from domain.decision import Code
from domain.events import HostFigures
from domain.quantities import QUANTUM
from domain.settings import MemorySetting
from domain.shapes import parse_memory
from domain.state import Power
from nilometer.messages.case import Case
from nilometer.messages.invalid import nearest_whole, why_invalid
from nilometer.messages.sizes import alike, size, typed

_POWER_HINTS: Final[dict[tuple[str, Power], str]] = {
    ("start", Power.RUNNING): "",
    ("start", Power.PAUSED): "resume",
    ("start", Power.SAVED): "restore",
    ("stop", Power.OFF): "",
    ("pause", Power.PAUSED): "",
    ("pause", Power.SAVED): "restore",
    ("pause", Power.OFF): "start",
    ("resume", Power.RUNNING): "",
    ("resume", Power.OFF): "start",
    ("resume", Power.SAVED): "restore",
    ("save", Power.SAVED): "",
    ("save", Power.OFF): "",
    ("restore", Power.RUNNING): "",
    ("restore", Power.PAUSED): "resume",
    ("restore", Power.OFF): "start",
    ("reboot-guest", Power.OFF): "start",
}
"""What to do instead where it is not what brings the VM to the power state that the command needs."""


def _wrong_power(case: Case) -> tuple[str, str]:
    power = case.figures.power
    message = f"{case.subject} is {power}: {case.command} does not fit that."
    if (case.command, power) in _POWER_HINTS:
        instead = _POWER_HINTS[case.command, power]
        return message, f"nilo do {instead} {quote(case.id)}" if instead else f"nothing to do: it is {power} already"
    if case.command in ("remove-vm", "configure-guest"):
        return message, f"stop it first: nilo do stop {quote(case.id)}"
    first = {Power.OFF: "start", Power.PAUSED: "resume", Power.SAVED: "restore", Power.RUNNING: "stop"}[power]
    return message, f"first: nilo do {first} {quote(case.id)}"


def _invalid_setting(case: Case) -> tuple[str, str]:
    match case.command:
        case "register-host" | "resize-host":
            return _invalid_host(case)
        case "move-vm":
            there, read = case.destination, case.read
            why, hint = why_invalid(read.memory, there.cap)
            had = f"it had up to {size(case.figures.high_watermark)}, and such a VM can have {size(there.cap)} there"
            return f"{case.subject} does not fit host {there.id}: {why or had}.", hint or "move it to a newer host"
        case "configure-guest":
            asked, has = case.arguments.get("config_version"), case.read.config_version
            return (
                f"{case.subject} has configuration version {has}, which cannot be lowered to {asked}.",
                f"leave the configuration version at {has}",
            )
        case _:
            memory = parse_memory(case.arguments["memory"])
            assert isinstance(memory, MemorySetting)
            why, hint = why_invalid(memory, case.site.cap)
            return f"{case.command} of {case.subject} asks for what cannot be: {why}.", hint


def _invalid_host(case: Case) -> tuple[str, str]:
    total, reserve = _number(case, "total", 0), _number(case, "reserve", 0)
    if total == 0:
        return f"{case.subject} would have no memory.", "write the memory of the machine, such as 64GiB"
    total_text, reserve_text = alike([total, reserve])
    return (
        f"{case.subject} would have {total_text}, and its root partition would keep {reserve_text} of it.",
        f"write a reserve of at most {typed(total)}",
    )


def _invalid_amount(case: Case) -> tuple[str, str]:
    if case.requested == 0:
        return f"{case.command} of {case.subject} asks for 0 bytes.", f"ask for {size(QUANTUM)} or a multiple of it"
    near = nearest_whole(case.requested)
    return (
        f"{case.command} of {case.subject} asks for {size(case.requested)}, which is no multiple of {size(QUANTUM)}.",
        f"ask for {near}",
    )


def _overcommitted(case: Case) -> tuple[str, str]:
    now = case.host or HostFigures(0, 0, 0, 0)
    total, reserve = _number(case, "total", now.total), _number(case, "reserve", now.reserve)
    total_text, reserve_text, held_text = alike([total, reserve, now.held])
    keeps = f"the root partition would keep {reserve_text}, and its VMs hold {held_text}"
    return (
        f"{case.subject} would be overcommitted: of {total_text} {keeps}.",
        f"free memory there first: stop, save or move a VM; nilo view --host {quote(case.id)} shows them",
    )


def _number(case: Case, key: str, otherwise: int) -> int:
    value = case.arguments.get(key)
    return value if isinstance(value, int) else otherwise


def _not_empty(case: Case) -> tuple[str, str]:
    count = case.evidence.vms or 0
    are = "1 VM is" if count == 1 else f"{count} VMs are"
    return (
        f"{case.subject} cannot be removed: {are} on it, running or not.",
        f"move or remove them first; nilo view --host {quote(case.id)} shows them",
    )


def _same_host(case: Case) -> tuple[str, str]:
    return f"{case.subject} is on host {case.site.id} already.", "name another host; nilo view lists them"


def _static_while_running(case: Case) -> tuple[str, str]:
    return (
        f"{case.subject} is {case.figures.power} and has static memory: its setting cannot be changed now.",
        f"resize it: nilo do set-memory {quote(case.id)} SIZE; or stop it first: nilo do stop {quote(case.id)}",
    )


def _not_while_running(case: Case) -> tuple[str, str]:
    only = "its maximum can only be raised and its minimum only be lowered, and mode and startup stay"
    return (
        f"{case.subject} is {case.figures.power}: until it is off, {only}.",
        f"stop it first: nilo do stop {quote(case.id)}",
    )


def _dynamic_enabled(case: Case) -> tuple[str, str]:
    return (
        f"{case.subject} uses Dynamic Memory, which sizes it: {case.command} is for static memory.",
        f"change its minimum or maximum: nilo do configure-memory {quote(case.id)} …; grow and reclaim move memory",
    )


def _dynamic_disabled(case: Case) -> tuple[str, str]:
    instead = "add-memory" if case.command == "grow" else "remove-memory"
    return (
        f"{case.subject} has static memory: {case.command} is for Dynamic Memory.",
        f"nilo do {instead} {quote(case.id)} {typed(case.requested)}",
    )


def _cannot_resize(case: Case) -> tuple[str, str]:
    wanted = case.command.replace("-", " ")
    return (
        f"the guest of {case.subject} ({case.read.guest}) has no driver that could {wanted} while it runs.",
        f"stop it, then set its memory: nilo do stop {quote(case.id)}",
    )


def _configuration_version(case: Case) -> tuple[str, str]:
    return (
        f"{case.subject} has configuration version {case.read.config_version}: resizing a running VM came with 6.2.",
        f"stop it and upgrade it: nilo do configure-guest {quote(case.id)} --guest GUEST --config-version 10.0",
    )


def _not_reported(case: Case) -> tuple[str, str]:
    return (
        f"{case.subject} has not told how much memory it uses since it started, so none can safely be taken from it.",
        f"report it: nilo do report-in-use {quote(case.id)} SIZE",
    )


def _implausible(case: Case) -> tuple[str, str]:
    in_use, assigned = alike([_number(case, "in_use", 0), case.figures.assigned])
    return f"{case.subject} cannot use {in_use}: it has {assigned}.", f"report at most {assigned.replace(' ', '')}"


def _nothing(case: Case) -> tuple[str, str]:
    return f"{case.command} of {case.subject} was {case.outcome.replace('-', ' ')}.", ""


REFUSALS: Final[dict[Code, Callable[[Case], tuple[str, str]]]] = {
    Code.NONE: _nothing,
    Code.WRONG_POWER_STATE: _wrong_power,
    Code.INVALID_SETTING: _invalid_setting,
    Code.INVALID_AMOUNT: _invalid_amount,
    Code.HOST_WOULD_BE_OVERCOMMITTED: _overcommitted,
    Code.HOST_NOT_EMPTY: _not_empty,
    Code.SAME_HOST: _same_host,
    Code.STATIC_WHILE_RUNNING: _static_while_running,
    Code.NOT_WHILE_RUNNING: _not_while_running,
    Code.DYNAMIC_MEMORY_ENABLED: _dynamic_enabled,
    Code.DYNAMIC_MEMORY_DISABLED: _dynamic_disabled,
    Code.GUEST_CANNOT_RESIZE: _cannot_resize,
    Code.CONFIGURATION_VERSION: _configuration_version,
    Code.IN_USE_NOT_REPORTED: _not_reported,
    Code.IMPLAUSIBLE: _implausible,
}
