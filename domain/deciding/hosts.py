"""Commands on hosts, and the command that defines a VM on one: their rules are called, and their events are built."""

from __future__ import annotations

from typing import Any

from domain import commands, events, hosts, lifecycle
from domain.aggregates import HostAggregate
from domain.changes import HOST_CHANGES, host_figures, vm_figures
from domain.commands import NAMES, HostCommand
from domain.deciding.answer import Answer
from domain.deciding.evidence import arguments, host_read
from domain.deciding.reads import Reads, loaded
from domain.decision import Decision, accepted
from domain.errors import InputError
from domain.events import Evidence, HostEvent
from domain.evolve import host_registered, vm_defined
from domain.identifiers import StreamName, host_stream, vm_stream


def register_host(command: commands.RegisterHost, reads: Reads) -> Answer:
    """Decides the registration of a host. Raises ``InputError`` if its id was used before."""
    stream = host_stream(command.host)
    if reads.taken:
        raise _taken("host", command.host)
    decision = hosts.register_host(command.total, command.reserve)
    name = NAMES[commands.RegisterHost]
    if not accepted(decision):
        return Answer(command=name, target=stream, decision=decision, requested=None, granted=None, events=())
    after = host_registered(command.total, command.reserve, command.version)
    registered = events.HostRegistered(
        command=name,
        outcome=decision.outcome,
        code=None,
        before=None,
        after=host_figures(after),
        version=command.version,
        total=command.total,
        reserve=command.reserve,
    )
    return Answer(
        command=name, target=stream, decision=decision, requested=None, granted=None, events=((stream, registered),)
    )


def decide_on_host(command: commands.ResizeHost | commands.SetReserve | commands.RemoveHost, reads: Reads) -> Answer:
    """Decides a command on a host that is there."""
    host = loaded(reads.host)
    evidence = Evidence()
    carried: dict[str, Any] = {}
    match command:
        case commands.ResizeHost(total=total):
            decision, carried["total"] = hosts.resize_host(host.state, total), total
            kind: type[HostEvent] = events.HostResized
        case commands.SetReserve(reserve=reserve):
            decision, carried["reserve"] = hosts.set_reserve(host.state, reserve), reserve
            kind = events.HostReserveSet
        case commands.RemoveHost():
            vms = loaded(reads.vms)
            kind, decision, evidence = events.HostRemoved, hosts.remove_host(vms), Evidence(vms=vms)
    stream = host_stream(host.id)
    if not accepted(decision):
        return _refusal(command, host, decision, evidence, stream)
    after = HOST_CHANGES[kind].rule(host.state, **carried)
    if kind is events.HostRemoved:
        carried["evidence"] = evidence
    elif after == host.state:  # a host's event is written only when a figure changes
        return Answer(
            command=NAMES[type(command)], target=stream, decision=decision, requested=None, granted=None, events=()
        )
    happened = kind(
        **carried,
        command=NAMES[type(command)],
        outcome=decision.outcome,
        code=None,
        before=host_figures(host.state),
        after=host_figures(after),
    )
    return Answer(
        command=happened.command,
        target=stream,
        decision=decision,
        requested=None,
        granted=None,
        events=((stream, happened),),
    )


def _refusal(
    command: HostCommand | commands.DefineVm,
    host: HostAggregate,
    decision: Decision,
    evidence: Evidence,
    target: StreamName,
) -> Answer:
    figures = host_figures(host.state)
    refused = events.HostCommandRefused(
        command=NAMES[type(command)],
        outcome=decision.outcome,
        code=decision.code,
        before=figures,
        after=figures,
        arguments=arguments(command),
        evidence=evidence,
    )
    return Answer(
        command=refused.command,
        target=target,
        decision=decision,
        requested=None,
        granted=None,
        events=((host_stream(host.id), refused),),
    )


def define_vm(command: commands.DefineVm, reads: Reads) -> Answer:
    """Decides the definition of a VM on a host that is there. Raises ``InputError`` if its id was used before."""
    host = loaded(reads.host)
    stream = vm_stream(command.vm)
    if reads.taken:
        raise _taken("VM", command.vm)
    decision = lifecycle.define_vm(host.state, command.generation, command.memory)
    evidence = Evidence(host=host_read(host, host.state, command.generation))
    if not accepted(decision):
        return _refusal(command, host, decision, evidence, stream)
    after = vm_defined(command.generation, command.guest, command.config_version, command.memory)
    defined = events.VmDefined(
        command=NAMES[commands.DefineVm],
        outcome=decision.outcome,
        code=None,
        requested=None,
        granted=None,
        evidence=evidence,
        before=None,
        after=vm_figures(after),
        name=command.name or command.vm,
        host=host.id,
        generation=command.generation,
        guest=command.guest,
        config_version=command.config_version,
        memory=command.memory,
    )
    return Answer(
        command=defined.command,
        target=stream,
        decision=decision,
        requested=None,
        granted=None,
        events=((stream, defined),),
    )


def _taken(kind: str, id: str) -> InputError:
    return InputError(
        f"the {kind} id {id!r} is taken: one with it exists, or once did",
        hint="choose another id; an id is never used again, so that its history stays its own",
    )
