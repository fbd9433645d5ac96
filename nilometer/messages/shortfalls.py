"""Sentences about short grants, and about commands that failed for want of memory; each with a hint."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Final

from domain.decision import Code
from domain.quantities import FLOOR, QUANTUM
from nilometer.messages.facts import CommandFacts
from nilometer.messages.sizes import format_size, format_sizes, format_typed

PARTIALLY: Final = "The memory change was only partially completed:"

_GIVES: Final = ("add-memory", "grow")


def describe_short_grant(facts: CommandFacts, granted: str, requested: str, cause: str) -> str:
    """A sentence about a short grant: what was granted, then why not more."""
    verb, preposition = ("added", "to") if facts.command in _GIVES else ("removed", "from")
    if facts.granted == 0:
        return f"No memory was {verb} {preposition} {facts.subject} ({requested} requested): {cause}."
    return f"{PARTIALLY} {granted} of {requested} was {verb} {preposition} {facts.subject}; {cause}."


def _insufficient(facts: CommandFacts) -> tuple[str, str]:
    host = facts.evidence.destination or facts.site
    if facts.command in _GIVES:
        sizes = [facts.granted, facts.requested, host.free, facts.requested - host.free]
        granted, requested, free, missing = format_sizes(sizes)
        hint = _free_on(host.id, missing)
        odd = host.free % QUANTUM and host.free < facts.requested  # shown in MiB then, as the quantum is
        steps = f", and memory is granted in steps of {format_size(QUANTUM)}" if odd else ""
        return describe_short_grant(facts, granted, requested, f"host {host.id} had {free} free{steps}"), hint
    figures = facts.figures
    needed = {"start": figures.startup, "reboot-guest": figures.startup - figures.assigned}
    size = needed.get(facts.command, figures.assigned)
    more, free, missing = format_sizes([size, host.free, size - host.free])
    needs = f"{more} more" if facts.command == "reboot-guest" else more
    return f"{facts.cannot}: it needs {needs}, and host {host.id} had {free} free.", _free_on(host.id, missing)


def _free_on(host: str, missing: str) -> str:
    return f"free {missing} on host {host}: stop, save or move a VM; to list them: nilo view --host {quote(host)}"


def _size_limit(facts: CommandFacts) -> tuple[str, str]:
    grows = facts.command == "grow"
    limit = facts.read.memory.maximum if grows else facts.site.cap
    granted, requested, most, assigned = format_sizes([facts.granted, facts.requested, limit, facts.figures.assigned])
    if grows:
        cause = f"its maximum is {most}, and it had {assigned}"
        return (
            describe_short_grant(facts, granted, requested, cause),
            f"raise the maximum: nilo do configure-memory {quote(facts.id)} --help",
        )
    machine = f"a generation {facts.read.generation} VM on a {facts.site.version} host"
    cause = f"the limit of {machine} is {most}, and it had {assigned}"
    return describe_short_grant(
        facts, granted, requested, cause
    ), "the limit depends on the VM's generation and the host's release"


def _memory_in_use(facts: CommandFacts) -> tuple[str, str]:
    rest = facts.requested - facts.granted
    counts = [facts.granted, facts.requested, facts.figures.in_use, facts.figures.assigned, rest]
    granted, requested, in_use, assigned, missing = format_sizes(counts)
    cause = f"its guest is using {in_use} of {assigned}"
    retry = f"nilo do {facts.command} {quote(facts.id)} {format_typed(rest)}"
    return (
        describe_short_grant(facts, granted, requested, cause),
        f"free {missing} in the guest by stopping applications or services, then: {retry}",
    )


def _minimum_reached(facts: CommandFacts) -> tuple[str, str]:
    reclaims = facts.command == "reclaim"
    minimum = facts.read.memory.minimum if reclaims else FLOOR
    granted, requested, least, assigned = format_sizes(
        [facts.granted, facts.requested, minimum, facts.figures.assigned]
    )
    cause = f"its minimum is {least}" if reclaims else f"a VM that is not off keeps {least}"
    hint = f"to free all of its memory, stop it: nilo do stop {quote(facts.id)}"
    if reclaims:
        hint = f"lower the minimum: nilo do configure-memory {quote(facts.id)} --help"
    return describe_short_grant(facts, granted, requested, f"{cause}, and it had {assigned}"), hint


SHORTFALLS: Final[dict[Code, Callable[[CommandFacts], tuple[str, str]]]] = {
    Code.INSUFFICIENT_HOST_MEMORY: _insufficient,
    Code.SIZE_LIMIT: _size_limit,
    Code.MEMORY_IN_USE: _memory_in_use,
    Code.MINIMUM_REACHED: _minimum_reached,
}
