"""Why a command was not granted in full: a sentence with the figures, and a hint with something to do.

Made when it is shown and never stored: the stable part is the code. Only what the event carries is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.commands import RegisterHost
from domain.events import Decided, Event, Evidence, HostCommandRefused, HostFigures, VmCommandRefused, VmEvent
from domain.identifiers import host_stream, subject_id
from nilometer.ledger.requests import Result
from nilometer.messages.facts import CommandFacts
from nilometer.messages.refusals import REFUSALS
from nilometer.messages.shortfalls import SHORT

SENTENCES: Final = REFUSALS | SHORT


@dataclass(frozen=True, slots=True)
class Problem:
    """What stood in the way of a command: a stable code, a sentence, and something to do about it (may be empty)."""

    code: str
    message: str
    hint: str


def explain_result(result: Result) -> Problem | None:
    """Why a command was not granted in full; ``None`` when it was."""
    if result.code is None:
        return None
    for event in result.events:
        if isinstance(event, Decided) and event.code is not None:
            return explain(result.target, event)
    command = result.request.command
    if not isinstance(command, RegisterHost):
        return Problem(result.code, f"{result.command} was {result.outcome.replace('-', ' ')}.", "")
    nothing = HostFigures(0, 0, 0, 0)
    refused = HostCommandRefused(  # the one refusal that leaves no event: there is no host whose stream could hold it
        command=result.command,
        outcome=result.outcome,
        code=result.code,
        before=nothing,
        after=nothing,
        arguments={"total": command.total, "reserve": command.reserve},
        evidence=Evidence(),
    )
    return explain(host_stream(command.host), refused)


def explain(stream: str, event: Event) -> Problem | None:
    """Why the command that an event tells of was not granted in full; ``None`` when it was, or it is not its event."""
    if not isinstance(event, Decided) or event.code is None:
        return None
    id = subject_id(stream)
    match event:
        case VmEvent():
            arguments = event.arguments if isinstance(event, VmCommandRefused) else {}
            facts = CommandFacts(
                event.command, f"VM {id}", id, event.outcome, arguments, event.evidence, event.before, None,
                event.requested or 0, event.granted or 0,
            )  # fmt: skip
        case HostCommandRefused():
            vm = event.arguments.get("vm")
            subject = f"VM {vm}" if vm else f"host {id}"
            facts = CommandFacts(
                event.command, subject, id, event.outcome, event.arguments, event.evidence, None, event.before, 0, 0
            )
        case _:
            return None
    return Problem(event.code, *SENTENCES[event.code](facts))
