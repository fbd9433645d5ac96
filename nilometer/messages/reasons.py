"""Why a command was not granted in full: a sentence with the figures, and a hint with something to do.

The sentence is made when it is shown and never stored; the code is what stays. Only the event is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.commands import RegisterHost
from domain.decision import Code
from domain.events import Decided, Event, Evidence, HostCommandRefused, HostFigures, VmCommandRefused, VmEvent
from domain.identifiers import host_stream, subject_id
from domain.policy_events import BY_POLICY, HostRefusedByPolicy
from nilometer.ledger.requests import Result
from nilometer.messages.facts import CommandFacts
from nilometer.messages.policies import explain_policy
from nilometer.messages.refusals import REFUSALS
from nilometer.messages.shortfalls import SHORTFALLS

SENTENCES: Final = REFUSALS | SHORTFALLS | {Code.POLICY: explain_policy}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a command was not granted in full: a stable code, a sentence, and what to do about it (may be empty)."""

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
        return Problem(result.code, f"The outcome of {result.command} was {result.outcome}.", "")
    none = HostFigures(total=0, reserve=0, free=0, held=0)
    refused = HostRefusedByPolicy(  # the one refusal that leaves no event: there is no host whose stream could hold it
        command=result.command,
        outcome=result.outcome,
        code=result.code,
        before=none,
        after=none,
        arguments={"total": command.total, "reserve": command.reserve},
        evidence=Evidence(),
        policies=result.policies,
    )
    return explain(host_stream(command.host), refused)


def explain(stream: str, event: Event) -> Problem | None:
    """Why the command of an event was not granted in full; ``None`` if it was, or if this is not its first event."""
    if not isinstance(event, Decided) or event.code is None:
        return None
    id, policies = subject_id(stream), event.policies if isinstance(event, BY_POLICY) else ()
    match event:
        case VmEvent():
            facts = CommandFacts(
                command=event.command,
                subject=id,
                id=id,
                outcome=event.outcome,
                arguments=event.arguments if isinstance(event, VmCommandRefused) else {},
                evidence=event.evidence,
                vm=event.before,
                requested=event.requested or 0,
                granted=event.granted or 0,
                policies=policies,
            )
        case HostCommandRefused():
            vm = event.arguments.get("vm")
            facts = CommandFacts(
                command=event.command,
                subject=str(vm) if vm else f"host {id}",
                id=id,
                outcome=event.outcome,
                arguments=event.arguments,
                evidence=event.evidence,
                host=event.before,
                policies=policies,
            )
        case _:
            return None
    return Problem(event.code, *SENTENCES[event.code](facts))
