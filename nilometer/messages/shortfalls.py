"""Sentences about grants that fell short, and commands that failed for want of memory; each with a hint."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Final

from domain.decision import Code
from domain.quantities import FLOOR, QUANTUM
from nilometer.messages.facts import CommandFacts
from nilometer.messages.sizes import format_part, format_size, format_sizes

PARTIALLY: Final = "The memory change was only partially completed:"

_GIVES: Final = ("add-memory", "grow")


def _short(facts: CommandFacts, because: str) -> str:
    """The head of a sentence about a short grant: what came of it, then why."""
    requested, part = format_size(facts.requested), format_part(facts.granted, facts.requested)
    verb, preposition = ("added", "to") if facts.command in _GIVES else ("removed", "from")
    if facts.granted == 0:
        return f"No memory could be {verb} {preposition} {facts.subject} ({requested} asked for): {because}."
    return f"{PARTIALLY} {part} were {verb} {preposition} {facts.subject}; {because}."


_STEPS: Final = f"memory is handed out in steps of {format_size(QUANTUM)}"


def _insufficient(facts: CommandFacts) -> tuple[str, str]:
    host = facts.evidence.destination or facts.site
    free = f"host {host.id} had {format_size(host.free)} free"
    frees = (
        f"free memory on host {host.id}: stop, save or move a VM there; nilo view --host {quote(host.id)} shows them"
    )
    if facts.command in _GIVES:
        odd = host.free % QUANTUM and host.free < facts.requested
        return _short(facts, f"{free}, and {_STEPS}" if odd else free), frees
    figures = facts.figures
    match facts.command:
        case "reboot-guest":
            doing, needs = "reboot", f"{format_size(figures.startup - figures.assigned)} more than it has"
        case "start":
            doing, needs = "start", format_size(figures.startup)
        case "restore":
            doing, needs = "be restored", format_size(figures.assigned)
        case _:
            doing, needs = "move", format_size(figures.assigned)
    return f"{facts.subject} cannot {doing}: it needs {needs}, but {free}.", frees


def _size_limit(facts: CommandFacts) -> tuple[str, str]:
    has = f"it has {format_size(facts.figures.assigned)} already"
    if facts.command == "grow":
        return (
            _short(facts, f"its maximum is {format_size(facts.read.memory.maximum)}, and {has}"),
            f"raise the maximum: nilo do configure-memory {quote(facts.id)} --maximum SIZE …",
        )
    host = facts.site
    because = (
        f"a generation {facts.read.generation} VM can have {format_size(host.cap)} on a {host.version} host, and {has}"
    )
    return _short(facts, because), "ask for less; the limit comes with the VM's generation and the host's release"


def _memory_in_use(facts: CommandFacts) -> tuple[str, str]:
    in_use, assigned = format_sizes([facts.figures.in_use, facts.figures.assigned])
    rest = format_size(facts.requested - facts.granted)
    return (
        _short(facts, f"the guest is using {in_use} of the {assigned} that it has"),
        f"free {rest} in the guest by stopping applications or services, then ask again for {rest}",
    )


def _minimum_reached(facts: CommandFacts) -> tuple[str, str]:
    if facts.command == "reclaim":
        return (
            _short(
                facts,
                f"its minimum is {format_size(facts.read.memory.minimum)}, "
                f"and it had {format_size(facts.figures.assigned)}",
            ),
            f"lower the minimum: nilo do configure-memory {quote(facts.id)} --minimum SIZE …",
        )
    return (
        _short(
            facts, f"a VM that is not off keeps {format_size(FLOOR)}, and it had {format_size(facts.figures.assigned)}"
        ),
        f"to free all of its memory, stop it: nilo do stop {quote(facts.id)}",
    )


SHORT: Final[dict[Code, Callable[[CommandFacts], tuple[str, str]]]] = {
    Code.INSUFFICIENT_HOST_MEMORY: _insufficient,
    Code.SIZE_LIMIT: _size_limit,
    Code.MEMORY_IN_USE: _memory_in_use,
    Code.MINIMUM_REACHED: _minimum_reached,
}
