"""Commands on VMs that are there: their rules are called, and their events are built."""

from __future__ import annotations

from typing import Any

from domain import commands, events, resizing
from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import HOST_CHANGES, host_figures, vm_figures
from domain.commands import NAMES, VmCommand
from domain.deciding.answer import Answer
from domain.deciding.evidence import arguments, evidence_of
from domain.deciding.reads import Reads, loaded
from domain.deciding.steps import STEPS
from domain.decision import Code, Decision, Outcome, accepted, rejected
from domain.events import Event, Evidence, VmEvent
from domain.evolve import book_change
from domain.identifiers import StreamName, host_stream, vm_stream
from domain.resizing import Resize
from domain.settings import MemorySetting

Grant = commands.AddMemory | commands.RemoveMemory | commands.Grow | commands.Reclaim


def decide_on_vm(command: VmCommand, reads: Reads) -> Answer:
    """Decides a command that a rule of ``STEPS`` decides."""
    vm, host = loaded(reads.vm), loaded(reads.host)
    step = STEPS[type(command)]
    site = host.site(vm)
    destination = None
    if isinstance(command, commands.MoveVm):
        destination = loaded(reads.destination)
        decision = step.rule(site, destination.state, destination.id == host.id)
    else:
        decision = step.rule(site, *[getattr(command, name) for name in step.takes])
    requested = command.amount if isinstance(command, Grant) else None
    evidence = evidence_of(vm, host, destination)
    if not accepted(decision):
        return _refusal(command, vm, decision, requested, evidence)

    carried: dict[str, Any] = {
        name: getattr(decision if name in step.decided else command, name) for name in step.change.carries
    }
    after = step.change.rule(vm.state, **carried)
    if step.event is events.VmMemoryRemoved:
        carried["mechanism"] = vm.state.mechanism
    elif destination is not None:
        carried |= {"source": host.id, "destination": destination.id}
    carried["granted"] = granted = None if requested is None else decision.granted
    happened = step.event(
        command=NAMES[type(command)],
        outcome=decision.outcome,
        code=None if decision.code is Code.NONE else decision.code,
        requested=requested,
        evidence=evidence,
        before=vm_figures(vm.state),
        after=vm_figures(after),
        **carried,
    )
    recorded: list[tuple[StreamName, Event]] = [(vm_stream(vm.id), happened)]
    if destination is not None:
        recorded.append(_book_event(events.HostMemoryReturned, host, vm.id, vm.state.held, happened))
        recorded.append(_book_event(events.HostMemoryGranted, destination, vm.id, vm.state.held, happened))
    else:
        change = book_change(vm.state, after)
        if change > 0:
            recorded.append(_book_event(events.HostMemoryGranted, host, vm.id, change, happened))
        elif change < 0:
            recorded.append(_book_event(events.HostMemoryReturned, host, vm.id, -change, happened))
    return Answer(
        command=happened.command,
        target=recorded[0][0],
        decision=decision,
        requested=requested,
        granted=granted,
        events=tuple(recorded),
        after=after,
    )


def _book_event(
    kind: type[events.HostMemoryGranted | events.HostMemoryReturned],
    host: HostAggregate,
    vm: str,
    bytes: int,
    because: VmEvent,
) -> tuple[StreamName, Event]:
    after = HOST_CHANGES[kind].rule(host.state, bytes)
    happened = kind(
        command=because.command,
        outcome=because.outcome,
        code=because.code,
        before=host_figures(host.state),
        after=host_figures(after),
        vm=vm,
        bytes=bytes,
        requested=because.requested,
        granted=because.granted,
    )
    return host_stream(host.id), happened


def _refusal(
    command: VmCommand, vm: VmAggregate, decision: Decision, requested: int | None, evidence: Evidence
) -> Answer:
    granted = None if requested is None else 0
    figures = vm_figures(vm.state)
    refused = events.VmCommandRefused(
        command=NAMES[type(command)],
        outcome=decision.outcome,
        code=decision.code,
        requested=requested,
        granted=granted,
        evidence=evidence,
        before=figures,
        after=figures,
        arguments=arguments(command),
    )
    stream = vm_stream(vm.id)
    return Answer(
        command=refused.command,
        target=stream,
        decision=decision,
        requested=requested,
        granted=granted,
        events=((stream, refused),),
    )


def set_memory(command: commands.SetMemory, reads: Reads) -> Answer:
    """Decides ``set-memory``, which becomes another command."""
    vm = loaded(reads.vm)
    comes_to = resizing.set_memory(vm.state, command.size)
    difference = command.size - vm.state.assigned
    refusal = resizing.set_memory_refusal(vm.state)
    if refusal is not Code.NONE:
        requested = None if comes_to is Resize.CONFIGURE else abs(difference)
        return _refusal(command, vm, rejected(refusal), requested, evidence_of(vm, loaded(reads.host), None))
    match comes_to:
        case Resize.CONFIGURE:
            return decide_on_vm(commands.ConfigureMemory(vm.id, MemorySetting.static(command.size)), reads)
        case Resize.NOTHING:
            nothing = Decision(
                outcome=Outcome.COMPLETED, code=Code.NONE, granted=0, hot_added=0, unballooned=0, paged=0
            )
            return Answer(
                command=NAMES[commands.SetMemory],
                target=vm_stream(vm.id),
                decision=nothing,
                requested=0,
                granted=0,
                events=(),
            )
        case Resize.ADD:
            return decide_on_vm(commands.AddMemory(vm.id, difference), reads)
        case Resize.REMOVE:
            return decide_on_vm(commands.RemoveMemory(vm.id, -difference), reads)
