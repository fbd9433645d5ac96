"""Commands on hosts, and ``define-vm``: their rules are called; what they record is written into events with ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import signature
from typing import Any, Final

from domain import commands, events
from domain.commands import NAMES, HostCommand
from domain.deciding.answer import Answer
from domain.deciding.evidence import arguments, host_read
from domain.deciding.reads import Reads, loaded
from domain.deciding.steps import HOST_RECORDINGS
from domain.decision import Code, Decision
from domain.errors import InputError
from domain.events import Event, Evidence, HostEvent
from domain.identifiers import StreamName, host_stream, vm_stream
from domain.record import Record, record
from domain.recording.hosts import HostEventKind, HostRecording, record_define_vm
from domain.state import Host


@record()
class HostEventShape(Record):
    """The class of an event, which figures of the host afterwards it has, and what else."""

    kind: type[HostEvent]
    changed: tuple[str, ...]
    has_evidence: bool
    has_arguments: bool


def _shape_of(kind: type[HostEvent]) -> HostEventShape:
    names = {field.name for field in fields(kind)}
    return HostEventShape(
        kind=kind,
        changed=tuple(name for name in Host.__slots__ if name in names),
        has_evidence="evidence" in names,
        has_arguments="arguments" in names,
    )


HOST_EVENTS: Final[Mapping[str, HostEventShape]] = {
    HostEventKind.COMMAND_REFUSED.value: _shape_of(events.HostCommandRefused),
    HostEventKind.REGISTERED.value: _shape_of(events.HostRegistered),
    HostEventKind.RESIZED.value: _shape_of(events.HostResized),
    HostEventKind.RESERVE_SET.value: _shape_of(events.HostReserveSet),
    HostEventKind.REMOVED.value: _shape_of(events.HostRemoved),
}
"""The class of each event of a command on a host, by its stored name. Figures go into the fields of the same names."""

_TAKES: Final[Mapping[Callable[..., HostRecording], tuple[str, ...]]] = {
    rule: tuple(signature(rule).parameters) for rule in HOST_RECORDINGS.values()
}


def decide_on_host(command: HostCommand, reads: Reads) -> Answer:
    """Decides a command by its rule of ``HOST_RECORDINGS``. Raises ``InputError`` for an id that was used before."""
    if reads.taken:
        raise _taken("host", command.host)
    rule, name, stream = HOST_RECORDINGS[type(command)], NAMES[type(command)], host_stream(command.host)
    recorded = rule(*[_argument(takes, command, reads) for takes in _TAKES[rule]])
    decision = recorded.decision
    written: list[tuple[StreamName, Event]] = []
    if recorded.written:
        shape = HOST_EVENTS[recorded.event.value]
        own: dict[str, Any] = {figure: getattr(recorded.after, figure) for figure in shape.changed}
        if shape.has_evidence:
            own["evidence"] = Evidence(vms=recorded.vms if recorded.reads_vms else None)
        if shape.has_arguments:
            own["arguments"] = arguments(command)
        happened = shape.kind(
            command=recorded.command.value,
            outcome=decision.outcome,
            code=_code(decision),
            before=recorded.before_figures if recorded.has_before else None,
            after=recorded.after_figures,
            **own,
        )
        written.append((stream, happened))
    return _answer(name, stream, decision, written)


def _argument(name: str, command: HostCommand, reads: Reads) -> object:
    match name:
        case "host":
            return loaded(reads.host).state
        case "vms":
            return loaded(reads.vms)
        case _:
            return getattr(command, name)


def define_vm(command: commands.DefineVm, reads: Reads) -> Answer:
    """Decides the definition of a VM on a host that is there. Raises ``InputError`` if its id was used before."""
    host, name, stream = loaded(reads.host), NAMES[commands.DefineVm], vm_stream(command.vm)
    if reads.taken:
        raise _taken("VM", command.vm)
    recorded = record_define_vm(host.state, command.generation, command.guest, command.config_version, command.memory)
    decision, evidence = recorded.decision, Evidence(host=host_read(host, recorded.read, recorded.free, recorded.cap))
    written: list[tuple[StreamName, Event]] = []
    if recorded.vm_written:
        defined = events.VmDefined(
            command=name,
            outcome=decision.outcome,
            code=_code(decision),
            requested=None,
            granted=None,
            evidence=evidence,
            before=None,
            after=recorded.defined_figures,
            name=command.name or command.vm,
            host=host.id,
            generation=recorded.defined.generation,
            guest=recorded.defined.guest,
            config_version=recorded.defined.config_version,
            memory=recorded.defined.memory,
        )
        written.append((stream, defined))
    if recorded.host_written:
        refused = events.HostCommandRefused(
            command=name,
            outcome=decision.outcome,
            code=_code(decision),
            before=recorded.host_figures,
            after=recorded.host_figures,
            arguments=arguments(command),
            evidence=evidence,
        )
        written.append((host_stream(host.id), refused))
    return _answer(name, stream, decision, written)


def _code(decision: Decision) -> Code | None:
    return None if decision.code is Code.NONE else decision.code


def _answer(name: str, target: StreamName, decision: Decision, written: list[tuple[StreamName, Event]]) -> Answer:
    return Answer(command=name, target=target, decision=decision, requested=None, granted=None, events=tuple(written))


def _taken(kind: str, id: str) -> InputError:
    return InputError(
        f"the {kind} id {id!r} is taken: one with it exists, or once did",
        hint="choose another id; an id is never used again, so that its history stays its own",
    )
