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
        name: getattr(decision if name in step.told else command, name) for name in step.change.carries
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
    return Answer(NAMES[type(command)], vm_stream(vm.id), decision, requested, granted, tuple(recorded), after)


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
    return Answer(refused.command, stream, decision, requested, granted, ((stream, refused),))


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
            nothing = Decision(Outcome.COMPLETED, Code.NONE, 0, 0, 0, 0)
            return Answer(NAMES[commands.SetMemory], vm_stream(vm.id), nothing, 0, 0, ())
        case Resize.ADD:
            return decide_on_vm(commands.AddMemory(vm.id, difference), reads)
        case Resize.REMOVE:
            return decide_on_vm(commands.RemoveMemory(vm.id, -difference), reads)
