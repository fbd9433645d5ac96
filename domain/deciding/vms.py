"""Commands on VMs that are there: their rules are called, and what they record is written into events with ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import signature
from typing import Any, Final

from domain import commands, events
from domain.aggregates import HostAggregate
from domain.changes import host_figures
from domain.commands import COMMANDS, NAMES, VmCommand
from domain.deciding.answer import Answer
from domain.deciding.evidence import arguments, evidence_of
from domain.deciding.reads import Reads, loaded
from domain.deciding.steps import RECORDINGS
from domain.decision import Code, Decision
from domain.events import Event, VmEvent
from domain.identifiers import StreamName, host_stream, vm_stream
from domain.record import Record, record
from domain.recording.vms.memory import static_setting
from domain.recording.vms.records import Asked, VmCommandName, VmEventKind, VmRecording
from domain.state import Host, Vm


@record()
class EventShape(Record):
    """The class of an event, and which figures of the decision and of the VM afterwards it has."""

    kind: type[VmEvent]
    decided: tuple[str, ...]
    changed: tuple[str, ...]
    has_size: bool


def _shape_of(kind: type[VmEvent]) -> EventShape:
    names = {field.name for field in fields(kind)} - {"outcome", "code", "granted"}
    return EventShape(
        kind=kind,
        decided=tuple(name for name in Decision.__slots__ if name in names),
        changed=tuple(name for name in (*Vm.__slots__, "mechanism") if name in names),
        has_size="size" in names,
    )


VM_EVENTS: Final[Mapping[str, EventShape]] = {
    VmEventKind.COMMAND_REFUSED.value: _shape_of(events.VmCommandRefused),
    VmEventKind.MEMORY_CONFIGURED.value: _shape_of(events.VmMemoryConfigured),
    VmEventKind.GUEST_CONFIGURED.value: _shape_of(events.VmGuestConfigured),
    VmEventKind.STARTED.value: _shape_of(events.VmStarted),
    VmEventKind.STOPPED.value: _shape_of(events.VmStopped),
    VmEventKind.PAUSED.value: _shape_of(events.VmPaused),
    VmEventKind.RESUMED.value: _shape_of(events.VmResumed),
    VmEventKind.SAVED.value: _shape_of(events.VmSaved),
    VmEventKind.RESTORED.value: _shape_of(events.VmRestored),
    VmEventKind.REBOOTED.value: _shape_of(events.VmRebooted),
    VmEventKind.IN_USE_REPORTED.value: _shape_of(events.VmInUseReported),
    VmEventKind.MEMORY_ADDED.value: _shape_of(events.VmMemoryAdded),
    VmEventKind.MEMORY_REMOVED.value: _shape_of(events.VmMemoryRemoved),
    VmEventKind.MOVED.value: _shape_of(events.VmMoved),
    VmEventKind.REMOVED.value: _shape_of(events.VmRemoved),
}
"""The class of each event on a VM's stream, by its stored name. Figures go into the fields of the same names."""

_TAKES: Final[Mapping[Callable[..., VmRecording], tuple[str, ...]]] = {
    rule: tuple(signature(rule).parameters)[1:] for rule in RECORDINGS.values()
}


def decide_on_vm(command: VmCommand, reads: Reads) -> Answer:
    """Decides a command by its rule of ``RECORDINGS``."""
    vm, host = loaded(reads.vm), loaded(reads.host)
    rule, site, destination = RECORDINGS[type(command)], host.site(vm), None
    if isinstance(command, commands.MoveVm):
        destination = loaded(reads.destination)
        recorded = rule(site, destination.state, destination.id == host.id)
    else:
        recorded = rule(site, *[getattr(command, name) for name in _TAKES[rule]])

    decision, asked = recorded.decision, recorded.asked
    name, stream = asked.command._value_, vm_stream(vm.id)  # at a fifth of the cost of .value
    requested, granted = (asked.amount, decision.granted) if asked.has_amount else (None, None)
    written: list[tuple[StreamName, Event]] = []
    if recorded.vm_written:
        shape, after = VM_EVENTS[recorded.event._value_], recorded.after
        own: dict[str, Any] = {figure: getattr(decision, figure) for figure in shape.decided}
        for figure in shape.changed:
            own[figure] = getattr(after, figure)
        if shape.has_size:
            own["size"] = asked.size if asked.has_size else None
        if shape.kind is events.VmCommandRefused:
            own["arguments"] = arguments(_recorded_command(command, asked))
        elif destination is not None:
            own |= {"source": host.id, "destination": destination.id}
        happened = shape.kind(
            command=name,
            outcome=decision.outcome,
            code=None if decision.code is Code.NONE else decision.code,
            requested=requested,
            granted=granted,
            evidence=evidence_of(recorded, host, destination),
            before=recorded.before_figures,
            after=recorded.after_figures,
            **own,
        )
        written.append((stream, happened))
        if recorded.host_gives:
            written.append(_book_event(events.HostMemoryGranted, host, recorded.host, recorded.bytes, vm.id, happened))
        if recorded.host_gets_back:
            written.append(_book_event(events.HostMemoryReturned, host, recorded.host, recorded.bytes, vm.id, happened))
        if recorded.destination_gives:
            there = loaded(destination)
            written.append(
                _book_event(events.HostMemoryGranted, there, recorded.destination, recorded.bytes, vm.id, happened)
            )
    takes_place = recorded.vm_written and recorded.event is not VmEventKind.COMMAND_REFUSED
    return Answer(
        command=name,
        target=stream,
        decision=decision,
        requested=requested,
        granted=granted,
        events=tuple(written),
        after=recorded.after if takes_place else None,
    )


def _book_event(
    kind: type[events.HostMemoryGranted | events.HostMemoryReturned],
    host: HostAggregate,
    after: Host,
    bytes: int,
    vm: str,
    because: VmEvent,
) -> tuple[StreamName, Event]:
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


def _recorded_command(command: VmCommand, asked: Asked) -> VmCommand:
    """The command that the event records: ``set-memory`` becomes another one."""
    kind = COMMANDS[asked.command.value]
    if kind is type(command):
        return command
    match asked.command:
        case VmCommandName.ADD_MEMORY:
            return commands.AddMemory(command.vm, asked.amount)
        case VmCommandName.REMOVE_MEMORY:
            return commands.RemoveMemory(command.vm, asked.amount)
        case VmCommandName.CONFIGURE_MEMORY:
            return commands.ConfigureMemory(command.vm, static_setting(asked.size))
        case _:
            raise TypeError(f"{NAMES[type(command)]} is recorded as {asked.command.value}")
