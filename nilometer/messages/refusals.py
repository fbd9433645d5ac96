"""Sentences about rejected commands: one for each code, with the figures that were read, and a hint."""

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
from nilometer.messages.sizes import format_exact_sizes, format_sizes, format_typed

_RESULTS: Final = {
    "start": Power.RUNNING,
    "stop": Power.OFF,
    "pause": Power.PAUSED,
    "resume": Power.RUNNING,
    "save": Power.SAVED,
    "restore": Power.RUNNING,
}
"""The power state that a command leads to."""

_REMEDIES: Final = {
    ("start", Power.PAUSED): "resume",
    ("start", Power.SAVED): "restore",
    ("pause", Power.SAVED): "restore",
    ("pause", Power.OFF): "start",
    ("resume", Power.OFF): "start",
    ("resume", Power.SAVED): "restore",
    ("restore", Power.PAUSED): "resume",
    ("restore", Power.OFF): "start",
}
"""What to do instead, where it is not what brings the VM to the power state that the command needs."""

_WAYS_TO_RUN: Final = {Power.OFF: "start", Power.PAUSED: "resume", Power.SAVED: "restore", Power.RUNNING: "stop"}


def _wrong_power(facts: CommandFacts) -> tuple[str, str]:
    power, command, id = facts.figures.power, facts.command, quote(facts.id)
    if _RESULTS.get(command) is power:
        return f"{facts.cannot}: it is already {power}.", "nothing to do"
    message = f"{facts.cannot}: it is {power}."
    if (command, power) == ("save", Power.OFF):
        return message, "nothing to do: a VM that is off has no memory to save"
    if (command, power) in _REMEDIES:
        first = "first" if command == "pause" else "instead"
        return message, f"{first}: nilo do {_REMEDIES[command, power]} {id}"
    if command in ("remove-vm", "configure-guest"):
        return message, f"stop it first: nilo do stop {id}"
    return message, f"first: nilo do {_WAYS_TO_RUN[power]} {id}"


def _invalid_setting(facts: CommandFacts) -> tuple[str, str]:
    match facts.command:
        case "register-host" | "resize-host":
            return _invalid_host(facts)
        case "move-vm":
            host = facts.destination
            why, hint = _explain_setting(facts.read.memory, host.cap)
            most, limit = format_sizes([facts.figures.high_watermark, host.cap])
            why = why or f"it had up to {most} in this session, and the limit of such a VM there is {limit}"
            return f"{facts.cannot} to host {host.id}: {why}.", hint or "move it to a host with a newer release"
        case "configure-guest":
            new, old = facts.arguments.get("config_version"), facts.read.config_version
            message = f"Cannot lower the configuration version of {facts.subject} from {old} to {new}."
            return message, f"keep the configuration version {old}"
        case _:
            memory = parse_memory(facts.arguments["memory"])
            assert isinstance(memory, MemorySetting)
            why, hint = _explain_setting(memory, facts.site.cap)
            return f"{facts.cannot}: {why}.", hint


def _explain_setting(memory: MemorySetting, limit: int | None) -> tuple[str, str]:
    """The first thing wrong with a memory setting, and what to write instead; two empty texts if nothing is.

    ``limit`` is the most that the VM can have, in bytes.
    """
    sizes = {"size": memory.startup}
    if memory.mode is Mode.DYNAMIC:
        sizes = {"startup": memory.startup, "minimum": memory.minimum, "maximum": memory.maximum}
    for name, count in sizes.items():
        if not whole(count):
            size, quantum = format_exact_sizes([count, QUANTUM])
            return f"the {name} {size} is not a multiple of {quantum}", f"write {_nearest_whole(count)}"
        if count < FLOOR:
            size, floor = format_sizes([count, FLOOR])
            return (
                f"the {name} {size} is less than the least of any VM, {floor}",
                f"write {format_typed(FLOOR)} or more",
            )
        if limit is not None and count > limit:
            size, most = format_sizes([count, limit])
            why = f"the {name} {size} is more than the limit of such a VM on this host, {most}"
            return why, f"write {format_typed(limit)} or less"
    return ("", "") if memory.mode is Mode.STATIC else _explain_dynamic(memory)


def _explain_dynamic(memory: MemorySetting) -> tuple[str, str]:
    order = "write minimum ≤ startup ≤ maximum"
    minimum, startup, maximum = format_sizes([memory.minimum, memory.startup, memory.maximum])
    if memory.minimum > memory.startup:
        return f"the minimum {minimum} is more than the startup {startup}", order
    if memory.startup > memory.maximum:
        return f"the startup {startup} is more than the maximum {maximum}", order
    if not BUFFER_LEAST <= memory.buffer <= BUFFER_MOST:
        return f"the buffer is {memory.buffer} percent", f"write {BUFFER_LEAST} to {BUFFER_MOST}"
    if not 0 <= memory.weight <= WEIGHT_MOST:
        return f"the weight is {memory.weight}", f"write 0 to {WEIGHT_MOST}"
    return "", ""


def _nearest_whole(count: int) -> str:
    """The multiples of the quantum nearest to a size, as they can be typed."""
    below = down(count)
    return f"{format_typed(below)} or {format_typed(below + QUANTUM)}" if below else format_typed(QUANTUM)


def _invalid_host(facts: CommandFacts) -> tuple[str, str]:
    total, reserve = _number(facts, "total", 0), _number(facts, "reserve", 0)
    if total == 0:
        return f"{facts.cannot}: its total would be 0.", "write the memory of the machine, such as 64GiB"
    total_text, reserve_text = format_sizes([total, reserve])
    return (
        f"{facts.cannot}: the reserve {reserve_text} is more than the total {total_text}.",
        f"write a reserve of at most {format_typed(total)}",
    )


def _invalid_amount(facts: CommandFacts) -> tuple[str, str]:
    quantum = format_typed(QUANTUM)
    if facts.requested == 0:
        return f"{facts.cannot}: the amount is 0.", f"write {quantum} or a multiple of it"
    amount, quantum = format_exact_sizes([facts.requested, QUANTUM])
    return f"{facts.cannot}: {amount} is not a multiple of {quantum}.", f"write {_nearest_whole(facts.requested)}"


def _overcommitted(facts: CommandFacts) -> tuple[str, str]:
    before = facts.host or HostFigures(total=0, reserve=0, free=0, held=0)
    figures = [_number(facts, "total", before.total), _number(facts, "reserve", before.reserve), before.held]
    total, reserve, held = format_sizes(figures)
    return (
        f"{facts.cannot}: a reserve of {reserve} and the {held} held by VMs would exceed a total of {total}.",
        f"free memory first: stop, save or move a VM; to list them: nilo view --host {quote(facts.id)}",
    )


def _number(facts: CommandFacts, key: str, otherwise: int) -> int:
    value = facts.arguments.get(key)
    return value if isinstance(value, int) else otherwise


def _not_empty(facts: CommandFacts) -> tuple[str, str]:
    count = facts.evidence.vms or 0
    vms = "1 VM is" if count == 1 else f"{count} VMs are"
    return (
        f"{facts.cannot}: {vms} still on it.",
        f"first move or remove all VMs; to list them: nilo view --host {quote(facts.id)}",
    )


def _same_host(facts: CommandFacts) -> tuple[str, str]:
    return f"{facts.cannot}: it is already on host {facts.site.id}.", "name another host; nilo view lists them"


def _static_while_running(facts: CommandFacts) -> tuple[str, str]:
    id = quote(facts.id)
    return (
        f"{facts.cannot} while it is {facts.figures.power}: static memory can only be configured while a VM is off.",
        f"resize it: nilo do set-memory {id} SIZE; or stop it first: nilo do stop {id}",
    )


def _not_while_running(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"While {facts.subject} is {facts.figures.power}, only its maximum can be raised and its minimum lowered.",
        f"stop it first: nilo do stop {quote(facts.id)}",
    )


def _dynamic_enabled(facts: CommandFacts) -> tuple[str, str]:
    id = quote(facts.id)
    instead = {"add-memory": "grow", "remove-memory": "reclaim"}.get(facts.command)
    resize = "" if instead is None else f"nilo do {instead} {id} {format_typed(facts.requested)}; or "
    return (
        f"{facts.cannot}: it uses Dynamic Memory, and {facts.command} is only for static memory.",
        f"{resize}change its minimum and maximum: nilo do configure-memory {id} --help",
    )


def _dynamic_disabled(facts: CommandFacts) -> tuple[str, str]:
    instead = "add-memory" if facts.command == "grow" else "remove-memory"
    return (
        f"{facts.cannot}: it has static memory, and {facts.command} is only for Dynamic Memory.",
        f"instead: nilo do {instead} {quote(facts.id)} {format_typed(facts.requested)}",
    )


def _cannot_resize(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"{facts.cannot} while it runs: its guest ({facts.read.guest}) has no driver for that.",
        f"stop it, then set its memory: nilo do stop {quote(facts.id)}",
    )


def _configuration_version(facts: CommandFacts) -> tuple[str, str]:
    id, read = quote(facts.id), facts.read
    return (
        f"{facts.cannot} while it runs: that needs configuration version 6.2, and it has {read.config_version}.",
        f"stop it and raise the version: nilo do configure-guest {id} --guest {read.guest} --config-version 10.0",
    )


def _not_reported(facts: CommandFacts) -> tuple[str, str]:
    return (
        f"{facts.cannot}: its guest has not reported the memory in use since it started.",
        f"report it: nilo do report-in-use {quote(facts.id)} SIZE",
    )


def _implausible(facts: CommandFacts) -> tuple[str, str]:
    assigned = facts.figures.assigned
    in_use, most = format_sizes([_number(facts, "in_use", 0), assigned])
    return f"{facts.cannot}: {in_use} is more than the {most} assigned.", f"report at most {format_typed(assigned)}"


def _other(facts: CommandFacts) -> tuple[str, str]:
    return f"The outcome of {facts.command} for {facts.subject} was {facts.outcome}.", ""


REFUSALS: Final[dict[Code, Callable[[CommandFacts], tuple[str, str]]]] = {
    Code.NONE: _other,
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
