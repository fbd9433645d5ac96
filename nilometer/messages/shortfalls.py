"""Sentences about grants that fell short, and commands that failed for want of memory; each with a hint."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Final

from domain.decision import Code
from domain.quantities import FLOOR, QUANTUM
from nilometer.messages.case import Case
from nilometer.messages.sizes import alike, part, size

PARTIALLY: Final = "The memory change was only partially completed:"

_GIVES: Final = ("add-memory", "grow")


def _short(case: Case, because: str) -> str:
    """The head of a sentence about a short grant: what came of it, then why."""
    verb, preposition = ("added", "to") if case.command in _GIVES else ("removed", "from")
    if case.granted == 0:
        return f"No memory could be {verb} {preposition} {case.subject} ({size(case.requested)} asked for): {because}."
    return f"{PARTIALLY} {part(case.granted, case.requested)} were {verb} {preposition} {case.subject}; {because}."


_STEPS: Final = f"memory is handed out in steps of {size(QUANTUM)}"


def _insufficient(case: Case) -> tuple[str, str]:
    host = case.evidence.destination or case.site
    free = f"host {host.id} had {size(host.free)} free"
    frees = (
        f"free memory on host {host.id}: stop, save or move a VM there; nilo view --host {quote(host.id)} shows them"
    )
    if case.command in _GIVES:
        odd = host.free % QUANTUM and host.free < case.requested
        return _short(case, f"{free}, and {_STEPS}" if odd else free), frees
    figures = case.figures
    match case.command:
        case "reboot-guest":
            doing, needs = "reboot", f"{size(figures.startup - figures.assigned)} more than it has"
        case "start":
            doing, needs = "start", size(figures.startup)
        case "restore":
            doing, needs = "be restored", size(figures.assigned)
        case _:
            doing, needs = "move", size(figures.assigned)
    return f"{case.subject} cannot {doing}: it needs {needs}, but {free}.", frees


def _size_limit(case: Case) -> tuple[str, str]:
    has = f"it has {size(case.figures.assigned)} already"
    if case.command == "grow":
        return (
            _short(case, f"its maximum is {size(case.read.memory.maximum)}, and {has}"),
            f"raise the maximum: nilo do configure-memory {quote(case.id)} --maximum SIZE …",
        )
    host = case.site
    because = f"a generation {case.read.generation} VM can have {size(host.cap)} on a {host.version} host, and {has}"
    return _short(case, because), "ask for less; the limit comes with the VM's generation and the host's release"


def _memory_in_use(case: Case) -> tuple[str, str]:
    in_use, assigned = alike([case.figures.in_use, case.figures.assigned])
    rest = case.requested - case.granted
    return (
        _short(case, f"the guest is using {in_use} of the {assigned} that it has"),
        f"free {size(rest)} in the guest by stopping applications or services, then ask again for {size(rest)}",
    )


def _minimum_reached(case: Case) -> tuple[str, str]:
    if case.command == "reclaim":
        return (
            _short(case, f"its minimum is {size(case.read.memory.minimum)}, and it had {size(case.figures.assigned)}"),
            f"lower the minimum: nilo do configure-memory {quote(case.id)} --minimum SIZE …",
        )
    return (
        _short(case, f"a VM that is not off keeps {size(FLOOR)}, and it had {size(case.figures.assigned)}"),
        f"to free all of its memory, stop it: nilo do stop {quote(case.id)}",
    )


SHORT: Final[dict[Code, Callable[[Case], tuple[str, str]]]] = {
    Code.INSUFFICIENT_HOST_MEMORY: _insufficient,
    Code.SIZE_LIMIT: _size_limit,
    Code.MEMORY_IN_USE: _memory_in_use,
    Code.MINIMUM_REACHED: _minimum_reached,
}
