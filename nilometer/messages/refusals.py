"""Sentences about commands that were rejected: one for each code, with the figures that were read, and a hint."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Final

from domain.decision import Code
from domain.events import HostFigures
from domain.quantities import FLOOR, QUANTUM, down, whole
from domain.settings import BUFFER_LEAST, BUFFER_MOST, WEIGHT_MOST, MemorySetting, Mode
from domain.shapes import parse_memory
from domain.state import Power
from nilometer.messages.facts import CommandFacts
from nilometer.messages.sizes import format_exact_sizes, format_size, format_sizes, format_typed

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


def _wrong_power(facts: CommandFacts) -> tuple[str, str]:
    power = facts.figures.power
    message = f"{facts.subject} is {power}: {facts.command} does not fit that."
    if (facts.command, power) in _POWER_HINTS:
        instead = _POWER_HINTS[facts.command, power]
        return message, f"nilo do {instead} {quote(facts.id)}" if instead else f"nothing to do: it is {power} already"
    if facts.command in ("remove-vm", "configure-guest"):
        return message, f"stop it first: nilo do stop {quote(facts.id)}"
    first = {Power.OFF: "start", Power.PAUSED: "resume", Power.SAVED: "restore", Power.RUNNING: "stop"}[power]
    return message, f"first: nilo do {first} {quote(facts.id)}"


def _invalid_setting(facts: CommandFacts) -> tuple[str, str]:
    match facts.command:
        case "register-host" | "resize-host":
            return _invalid_host(facts)
        case "move-vm":
            there, read = facts.destination, facts.read
            why, hint = _explain_setting(read.memory, there.cap)
            most, cap = format_size(facts.figures.high_watermark), format_size(there.cap)
            had = f"it had up to {most}, and such a VM can have {cap} there"
            return f"{facts.subject} does not fit host {there.id}: {why or had}.", hint or "move it to a newer host"
        case "configure-guest":
            asked, has = facts.arguments.get("config_version"), facts.read.config_version
            return (
                f"{facts.subject} has configuration version {has}, which cannot be lowered to {asked}.",
                f"leave the configuration version at {has}",
            )
        case _:
            memory = parse_memory(facts.arguments["memory"])
            assert isinstance(memory, MemorySetting)
            why, hint = _explain_setting(memory, facts.site.cap)
            return f"{facts.command} of {facts.subject} asks for what cannot be: {why}.", hint


def _explain_setting(memory: MemorySetting, limit: int | None) -> tuple[str, str]:
    """The first thing wrong with a memory setting, and what to write instead; two empty texts if nothing is.

    ``limit`` is the most that the VM can have, in bytes.
    """
    named = {"size": memory.startup}
    if memory.mode is Mode.DYNAMIC:
        named = {"startup": memory.startup, "minimum": memory.minimum, "maximum": memory.maximum}
    for name, count in named.items():
        if not whole(count):
            return (
                f"the {name} {format_size(count)} is no multiple of {format_size(QUANTUM)}",
                f"write {_nearest_whole(count)}",
            )
        if count < FLOOR:
            return (
                f"the {name} {format_size(count)} is less than a VM's least, {format_size(FLOOR)}",
                f"write {format_typed(FLOOR)} or more",
            )
        if limit is not None and count > limit:
            most = f"the {name} {format_size(count)} is more than such a VM can have there, {format_size(limit)}"
            return most, f"write {format_typed(limit)} or less"
    return ("", "") if memory.mode is Mode.STATIC else _why_dynamic(memory)


def _nearest_whole(count: int) -> str:
    """The sizes that can be had nearest to one that cannot, as they can be typed."""
    below = down(count)
    return f"{format_typed(below)} or {format_typed(below + QUANTUM)}" if below else format_typed(QUANTUM)


def _why_dynamic(memory: MemorySetting) -> tuple[str, str]:
    order = "write minimum ≤ startup ≤ maximum"
    if memory.minimum > memory.startup:
        return (
            f"the minimum {format_size(memory.minimum)} is more than the startup {format_size(memory.startup)}",
            order,
        )
    if memory.startup > memory.maximum:
        return (
            f"the startup {format_size(memory.startup)} is more than the maximum {format_size(memory.maximum)}",
            order,
        )
    if not BUFFER_LEAST <= memory.buffer <= BUFFER_MOST:
        return f"the buffer is {memory.buffer} percent", f"write {BUFFER_LEAST} to {BUFFER_MOST}"
    if not 0 <= memory.weight <= WEIGHT_MOST:
        return f"the weight is {memory.weight}", f"write 0 to {WEIGHT_MOST}"
    return "", ""


def _invalid_host(facts: CommandFacts) -> tuple[str, str]:
    total, reserve = _number(facts, "total", 0), _number(facts, "reserve", 0)
    if total == 0:
        return f"{facts.subject} would have no memory.", "write the memory of the machine, such as 64GiB"
    total_text, reserve_text = format_sizes([total, reserve])
    return (
        f"{facts.subject} would have {total_text}, and its root partition would keep {reserve_text} of it.",
        f"write a reserve of at most {format_typed(total)}",
    )


def _invalid_amount(facts: CommandFacts) -> tuple[str, str]:
    if facts.requested == 0:
        return (
            f"{facts.command} of {facts.subject} asks for 0 bytes.",
            f"ask for {format_size(QUANTUM)} or a multiple of it",
        )
    near = _nearest_whole(facts.requested)
    requested, quantum = format_exact_sizes([facts.requested, QUANTUM])
    message = f"{facts.command} of {facts.subject} asks for {requested}, which is no multiple of {quantum}."
    return message, f"ask for {near}"


def _overcommitted(facts: CommandFacts) -> tuple[str, str]:
    now = facts.host or HostFigures(0, 0, 0, 0)
    total, reserve = _number(facts, "total", now.total), _number(facts, "reserve", now.reserve)
    total_text, reserve_text, held_text = format_sizes([total, reserve, now.held])
    keeps = f"the root partition would keep {reserve_text}, and its VMs hold {held_text}"
    return (
        f"{facts.subject} would be overcommitted: of {total_text} {keeps}.",
        f"free memory there first: stop, save or move a VM; nilo view --host {quote(facts.id)} shows them",
    )


def _number(facts: CommandFacts, key: str, otherwise: int) -> int:
    value = facts.arguments.get(key)
    return value if isinstance(value, int) else otherwise


def _not_empty(facts: CommandFacts) -> tuple[str, str]:
    count = facts.evidence.vms or 0
    are = "1 VM is" if count == 1 else f"{count} VMs are"
    return (
        f"{facts.subject} cannot be removed: {are} on it, running or not.",
        f"move or remove them first; nilo view --host {quote(facts.id)} shows them",
    )


def _same_host(facts: CommandFacts) -> tuple[str, str]:
    return f"{facts.subject} is on host {facts.site.id} already.", "name another host; nilo view lists them"


def _static_while_running(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"{facts.subject} is {facts.figures.power} and has static memory: its setting cannot be changed now.",
        f"resize it: nilo do set-memory {quote(facts.id)} SIZE; or stop it first: nilo do stop {quote(facts.id)}",
    )


def _not_while_running(facts: CommandFacts) -> tuple[str, str]:
    only = "its maximum can only be raised and its minimum only be lowered, and mode and startup stay"
    return (
        f"{facts.subject} is {facts.figures.power}: until it is off, {only}.",
        f"stop it first: nilo do stop {quote(facts.id)}",
    )


def _dynamic_enabled(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"{facts.subject} uses Dynamic Memory, which sizes it: {facts.command} is for static memory.",
        f"change its minimum or maximum: nilo do configure-memory {quote(facts.id)} …; grow and reclaim move memory",
    )


def _dynamic_disabled(facts: CommandFacts) -> tuple[str, str]:
    instead = "add-memory" if facts.command == "grow" else "remove-memory"
    return (
        f"{facts.subject} has static memory: {facts.command} is for Dynamic Memory.",
        f"nilo do {instead} {quote(facts.id)} {format_typed(facts.requested)}",
    )


def _cannot_resize(facts: CommandFacts) -> tuple[str, str]:
    wanted = facts.command.replace("-", " ")
    return (
        f"the guest of {facts.subject} ({facts.read.guest}) has no driver that could {wanted} while it runs.",
        f"stop it, then set its memory: nilo do stop {quote(facts.id)}",
    )


def _configuration_version(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"{facts.subject} has configuration version {facts.read.config_version}: resizing a running VM came with 6.2.",
        f"stop it and upgrade it: nilo do configure-guest {quote(facts.id)} --guest GUEST --config-version 10.0",
    )


def _not_reported(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"{facts.subject} has not told how much memory it uses since it started, so none can safely be taken from it.",
        f"report it: nilo do report-in-use {quote(facts.id)} SIZE",
    )


def _implausible(facts: CommandFacts) -> tuple[str, str]:
    in_use, assigned = format_sizes([_number(facts, "in_use", 0), facts.figures.assigned])
    return f"{facts.subject} cannot use {in_use}: it has {assigned}.", f"report at most {assigned.replace(' ', '')}"


def _nothing(facts: CommandFacts) -> tuple[str, str]:
    return f"{facts.command} of {facts.subject} was {facts.outcome.replace('-', ' ')}.", ""


REFUSALS: Final[dict[Code, Callable[[CommandFacts], tuple[str, str]]]] = {
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
