"""Adopted policies, kept at one place: what the rules allow is refused, or granted less, where it would break one.

A policy comes as a value with functions that were compiled from its formula. It is asked of every VM and host whose
figures a command changes, before and after: a command may not make it worse. ``stop`` and ``remove-vm`` are never
refused: they are the way out of every breach. Nor is ``report-in-use``: it only records what a guest uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from dataclasses import replace as replace_fields
from typing import Any, Final, cast

from domain import commands, events
from domain.changes import host_figures
from domain.commands import Command
from domain.deciding.answer import Answer
from domain.deciding.breaches import PolicyReads, find_broken, host_after
from domain.deciding.enforced import NEVER_REFUSED, RESIZES, EnforcedPolicy
from domain.deciding.evidence import arguments
from domain.decision import Code, Decision, Outcome, accepted, failed, rejected
from domain.events import Event, Evidence, HostEvent, VmEvent
from domain.identifiers import StreamName, host_stream
from domain.policy_events import (
    HostRefusedByPolicy,
    PolicyRead,
    VmMemoryAddedWithinPolicy,
    VmMemoryRemovedWithinPolicy,
    VmRefusedByPolicy,
)
from domain.quantities import QUANTUM
from domain.replacing import replace


def keep_policies(
    policies: Sequence[EnforcedPolicy],
    command: Command,
    reads: PolicyReads,
    answer: Answer,
    decide: Callable[[Command], Answer],
) -> Answer:
    """The answer of the rules if it keeps all policies; else what can be granted of it, or a refusal.

    ``decide`` decides another command by the rules alone, on the same state.
    """
    if not answer.events or not accepted(answer.decision) or answer.command in NEVER_REFUSED:
        return answer
    if _keeps_all(policies, reads, answer):
        return answer
    broken = find_broken(policies, reads, answer)
    if not broken:
        return answer
    can_be_less = answer.command in RESIZES and all(
        answer.command in policy.monotone for policy in policies if find_broken([policy], reads, answer)
    )
    if can_be_less:
        less, broken = _find_most(policies, command, reads, answer, broken, decide)
        if less is not None:
            return _grant_less(answer, less, broken)
    return _refuse(command, reads, answer, broken, can_be_less=can_be_less)


def _keeps_all(policies: Sequence[EnforcedPolicy], reads: PolicyReads, answer: Answer) -> bool:
    """Whether a change of one VM on its host keeps every policy, whoever it applies to: most commands do.

    It only saves the longer check, which also covers what this one does not: moves, and other VMs.
    """
    if answer.after is None or reads.beside or len(reads.hosts) != 1:
        return False
    (host,) = reads.hosts
    on = host.state
    for _, event in answer.events[1:]:
        assert isinstance(event, HostEvent)
        on = host_after(on, event)
    for policy in policies:  # a loop, at half the cost of any(): every command comes here
        if policy.joint is not None or policy.change is not None:
            return False
        if policy.of_group is not None:
            if reads.groups:
                return False
            continue
        if policy.measure(answer.after if policy.over_vms else None, on):
            return False
    return True


def _find_most(
    policies: Sequence[EnforcedPolicy],
    command: Command,
    reads: PolicyReads,
    answer: Answer,
    broken: list[PolicyRead],
    decide: Callable[[Command], Answer],
) -> tuple[Answer | None, list[PolicyRead]]:
    """The answer of the rules to the largest amount that keeps all policies, and what one quantum more would break.

    ``None`` if not even one quantum keeps them.
    """
    found, keeps, breaks = None, 0, (answer.granted or 0) // QUANTUM
    while breaks - keeps > 1:
        middle = (keeps + breaks) // 2
        smaller = decide(_with_amount(command, answer, reads, middle * QUANTUM))
        broken_then = find_broken(policies, reads, smaller)
        if broken_then:
            broken, breaks = broken_then, middle
        else:
            found, keeps = smaller, middle
    return found, broken


def _with_amount(command: Command, answer: Answer, reads: PolicyReads, amount: int) -> Command:
    """The same command with another amount."""
    if isinstance(command, commands.SetMemory):
        assert reads.vm is not None
        change = amount if answer.command == "add-memory" else -amount
        return commands.SetMemory(command.vm, reads.vm.state.assigned + change)
    assert isinstance(command, commands.AddMemory | commands.RemoveMemory | commands.Grow | commands.Reclaim)
    return type(command)(command.vm, amount)


_WITHIN: Final[Mapping[type[Event], type[VmMemoryAddedWithinPolicy | VmMemoryRemovedWithinPolicy]]] = {
    events.VmMemoryAdded: VmMemoryAddedWithinPolicy,
    events.VmMemoryRemoved: VmMemoryRemovedWithinPolicy,
}


def _grant_less(answer: Answer, less: Answer, broken: Sequence[PolicyRead]) -> Answer:
    """The smaller grant, as an answer to the whole request."""
    granted = less.decision
    decision = replace(granted, outcome=Outcome.PARTIALLY_COMPLETED, code=Code.POLICY)
    written: list[tuple[StreamName, Event]] = []
    for stream, event in less.events:
        changed: dict[str, Any] = {"outcome": decision.outcome, "code": decision.code, "requested": answer.requested}
        if type(event) in _WITHIN:
            own: dict[str, Any] = {field.name: getattr(event, field.name) for field in fields(cast("Any", event))}
            own |= {**changed, "size": getattr(answer.events[0][1], "size", None), "policies": tuple(broken)}
            written.append((stream, _WITHIN[type(event)](**own)))
        else:
            written.append((stream, replace_fields(cast("Any", event), **changed)))
    return replace(less, decision=decision, requested=answer.requested, events=tuple(written))


def _refuse(
    command: Command, reads: PolicyReads, answer: Answer, broken: Sequence[PolicyRead], *, can_be_less: bool
) -> Answer:
    """A refusal, recorded where refusals of the command by the rules are; the registration of a host leaves none."""
    decision = failed(Code.POLICY) if can_be_less else rejected(Code.POLICY)
    recorded = tuple(_refusals(command, reads, answer, decision, tuple(broken)))
    return replace(
        answer,
        decision=decision,
        granted=None if answer.granted is None else 0,
        events=recorded,
        after=None,
        policies=() if recorded else tuple(broken),
    )


def _refusals(
    command: Command, reads: PolicyReads, answer: Answer, decision: Decision, broken: tuple[PolicyRead, ...]
) -> Iterator[tuple[StreamName, Event]]:
    stream, event = answer.events[0]
    if isinstance(event, events.VmDefined | HostEvent):
        if not reads.hosts:
            return  # of a host that is not registered there is no stream
        (host,) = reads.hosts
        figures = host_figures(host.state)
        yield (
            host_stream(host.id),
            HostRefusedByPolicy(
                command=answer.command,
                outcome=decision.outcome,
                code=decision.code,
                before=figures,
                after=figures,
                arguments=arguments(command),
                evidence=event.evidence if isinstance(event, events.VmDefined) else Evidence(),
                policies=broken,
            ),
        )
        return
    assert isinstance(event, VmEvent)
    assert event.before is not None
    yield (
        stream,
        VmRefusedByPolicy(
            command=event.command,
            outcome=decision.outcome,
            code=decision.code,
            requested=event.requested,
            granted=None if event.granted is None else 0,
            evidence=event.evidence,
            before=event.before,
            after=event.before,
            arguments=arguments(_recorded_command(command, event)),
            size=getattr(event, "size", None),
            policies=broken,
        ),
    )


def _recorded_command(command: Command, event: VmEvent) -> Command:
    """The command that an event records: ``set-memory`` becomes another one."""
    if not isinstance(command, commands.SetMemory):
        return command
    if isinstance(event, events.VmMemoryConfigured):
        return commands.ConfigureMemory(command.vm, event.memory)
    assert event.requested is not None
    kind = commands.AddMemory if isinstance(event, events.VmMemoryAdded) else commands.RemoveMemory
    return kind(command.vm, event.requested)
