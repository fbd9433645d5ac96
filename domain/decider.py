"""The decider: takes a command and the state that it reads, and returns the answer and the events to record.

Which rule decides a command, and which event follows, is the table ``STEPS``; the rest of this module finds what the
rule reads, and writes down what it read. It decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, Final, Protocol

from domain import commands, events, hosts, lifecycle, resizing
from domain.aggregates import (
    HOST_CHANGES,
    VM_CHANGES,
    Change,
    HostAggregate,
    VmAggregate,
    host_figures,
    host_stream,
    vm_figures,
    vm_stream,
)
from domain.commands import NAMES, Command, HostCommand, VmCommand
from domain.decision import Code, Decision, Outcome, accepted, rejected
from domain.errors import InputError
from domain.events import Argument, Event, Evidence, HostEvent, HostRead, VmEvent, VmRead
from domain.evolve import book_change, host_registered, vm_defined
from domain.resizing import Resize
from domain.settings import ConfigVersion, MemorySetting, cap
from domain.shapes import write_memory
from domain.state import Host, Vm


class World(Protocol):
    """The aggregates that commands name. What is not there raises ``UnknownVm`` or ``UnknownHost``."""

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id, not removed."""
        ...

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id, not removed."""
        ...

    def is_taken(self, stream: str) -> bool:
        """Whether a stream of this name ever began: an id is never used again."""
        ...

    def vms_on(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a command, and the events to record for it, in one atomic write, by stream."""

    command: str
    target: str
    """The stream that the command names, as ``vm/web01`` or ``host/hv01``."""
    decision: Decision
    requested: int | None
    granted: int | None
    events: tuple[tuple[str, Event], ...]
    after: Vm | None = None
    """The VM's figures afterwards, where a VM that was there has changed: what its event comes to."""

    @property
    def outcome(self) -> Outcome:
        """How the command ended."""
        return self.decision.outcome

    @property
    def code(self) -> Code | None:
        """Why it was not granted in full; ``None`` when it was."""
        return None if self.decision.code is Code.NONE else self.decision.code


@dataclass(frozen=True, slots=True)
class Step:
    """How a VM command is decided, and the event of its success.

    ``takes`` are the arguments of the rule beyond the site, by the names that the command gives them.
    """

    rule: Callable[..., Decision]
    takes: tuple[str, ...]
    event: type[VmEvent]
    change: Change[Vm]
    """What the event changes."""
    told: tuple[str, ...]
    """The figures of the change that the decision says; the others are the command's."""


def step(rule: Callable[..., Decision], event: type[VmEvent]) -> Step:
    """The step of a command that ``rule`` decides."""
    change = VM_CHANGES[event]
    told = tuple(name for name in change.carries if name in Decision.__slots__)
    return Step(rule, tuple(signature(rule).parameters)[1:], event, change, told)


STEPS: Final[dict[type[VmCommand], Step]] = {
    commands.ConfigureMemory: step(lifecycle.configure_memory, events.VmMemoryConfigured),
    commands.ConfigureGuest: step(lifecycle.configure_guest, events.VmGuestConfigured),
    commands.Start: step(lifecycle.start, events.VmStarted),
    commands.Stop: step(lifecycle.stop, events.VmStopped),
    commands.Pause: step(lifecycle.pause, events.VmPaused),
    commands.Resume: step(lifecycle.resume, events.VmResumed),
    commands.Save: step(lifecycle.save, events.VmSaved),
    commands.Restore: step(lifecycle.restore, events.VmRestored),
    commands.RebootGuest: step(lifecycle.reboot_guest, events.VmRebooted),
    commands.ReportInUse: step(lifecycle.report_in_use, events.VmInUseReported),
    commands.AddMemory: step(resizing.add_memory, events.VmMemoryAdded),
    commands.RemoveMemory: step(resizing.remove_memory, events.VmMemoryRemoved),
    commands.Grow: step(resizing.grow, events.VmMemoryAdded),
    commands.Reclaim: step(resizing.reclaim, events.VmMemoryRemoved),
    commands.MoveVm: step(lifecycle.move_vm, events.VmMoved),
    commands.RemoveVm: step(lifecycle.remove_vm, events.VmRemoved),
}
"""Every VM command but ``define-vm``, which has no VM yet, and ``set-memory``, which becomes one of these."""

Grant = commands.AddMemory | commands.RemoveMemory | commands.Grow | commands.Reclaim


def decide(command: Command, world: World) -> Answer:
    """Decides a command by the rules, on the state that ``world`` shows.

    Raises ``InputError`` for a VM or host that is not there, or an id that was used before: nothing is recorded then.
    """
    match command:
        case commands.RegisterHost():
            return _register_host(command, world)
        case commands.DefineVm():
            return _define_vm(command, world)
        case commands.SetMemory():
            return _set_memory(command, world)
        case commands.ResizeHost() | commands.SetReserve() | commands.RemoveHost():
            return _on_host(command, world.host(command.host), world)
        case _:
            return _on_vm(command, world)


def arguments(command: Command) -> dict[str, Argument]:
    """A refused command's arguments as in a script line, sizes in bytes, keys sorted.

    Without the VM or host on whose stream the refusal stands: of ``define-vm`` that is the host.
    """
    written: dict[str, Argument] = {}
    target = "host" if isinstance(command, HostCommand | commands.DefineVm) else "vm"
    for name in sorted(type(command).__slots__):
        value = getattr(command, name)
        if isinstance(value, MemorySetting):
            written[name] = write_memory(value)
        elif isinstance(value, ConfigVersion):
            written[name] = str(value)
        elif value is not None and name != target:
            written[name] = value
    return written


# VMs


def _on_vm(command: VmCommand, world: World) -> Answer:
    vm = world.vm(command.vm)
    host = world.host(vm.host)
    step = STEPS[type(command)]
    site = host.site(vm)
    destination = None
    if isinstance(command, commands.MoveVm):
        destination = world.host(command.to)
        decision = step.rule(site, destination.state, destination is host)
    else:
        decision = step.rule(site, *[getattr(command, name) for name in step.takes])
    requested = command.amount if isinstance(command, Grant) else None
    evidence = _evidence(vm, host, destination)
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
    recorded: list[tuple[str, Event]] = [(vm_stream(vm.id), happened)]
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
) -> tuple[str, Event]:
    after = HOST_CHANGES[kind].rule(host.state, bytes)
    happened = kind(
        command=because.command,
        outcome=because.outcome,
        code=because.code,
        before=host_figures(host.state),
        after=host_figures(after),
        vm=vm,
        bytes=bytes,
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


def _set_memory(command: commands.SetMemory, world: World) -> Answer:
    vm = world.vm(command.vm)
    comes_to = resizing.set_memory(vm.state, command.size)
    difference = command.size - vm.state.assigned
    refusal = resizing.set_memory_refusal(vm.state)
    if refusal is not Code.NONE:
        requested = None if comes_to is Resize.CONFIGURE else abs(difference)
        return _refusal(command, vm, rejected(refusal), requested, _evidence(vm, world.host(vm.host), None))
    match comes_to:
        case Resize.CONFIGURE:
            return _on_vm(commands.ConfigureMemory(vm.id, MemorySetting.static(command.size)), world)
        case Resize.NOTHING:
            nothing = Decision(Outcome.COMPLETED, Code.NONE, 0, 0, 0, 0)
            return Answer(NAMES[commands.SetMemory], vm_stream(vm.id), nothing, 0, 0, ())
        case Resize.ADD:
            return _on_vm(commands.AddMemory(vm.id, difference), world)
        case Resize.REMOVE:
            return _on_vm(commands.RemoveMemory(vm.id, -difference), world)


def _define_vm(command: commands.DefineVm, world: World) -> Answer:
    host = world.host(command.host)
    stream = vm_stream(command.vm)
    _refuse_taken("VM", command.vm, stream, world)
    decision = lifecycle.define_vm(host.state, command.generation, command.memory)
    evidence = Evidence(host=_host_read(host, command.generation))
    if not accepted(decision):
        return _host_refusal(command, host, decision, evidence, stream)
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
    return Answer(defined.command, stream, decision, None, None, ((stream, defined),))


# Hosts


def _register_host(command: commands.RegisterHost, world: World) -> Answer:
    stream = host_stream(command.host)
    _refuse_taken("host", command.host, stream, world)
    decision = hosts.register_host(command.total, command.reserve)
    name = NAMES[commands.RegisterHost]
    if not accepted(decision):
        return Answer(name, stream, decision, None, None, ())
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
    return Answer(name, stream, decision, None, None, ((stream, registered),))


def _on_host(
    command: commands.ResizeHost | commands.SetReserve | commands.RemoveHost, host: HostAggregate, world: World
) -> Answer:
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
            vms = world.vms_on(host.id)
            kind, decision, evidence = events.HostRemoved, hosts.remove_host(vms), Evidence(vms=vms)
    stream = host_stream(host.id)
    if not accepted(decision):
        return _host_refusal(command, host, decision, evidence, stream)
    after = HOST_CHANGES[kind].rule(host.state, **carried)
    if kind is events.HostRemoved:
        carried["evidence"] = evidence
    elif after == host.state:  # a host's event is written only when a figure changes
        return Answer(NAMES[type(command)], stream, decision, None, None, ())
    happened = kind(
        **carried,
        command=NAMES[type(command)],
        outcome=decision.outcome,
        code=None,
        before=host_figures(host.state),
        after=host_figures(after),
    )
    return Answer(happened.command, stream, decision, None, None, ((stream, happened),))


def _host_refusal(
    command: HostCommand | commands.DefineVm, host: HostAggregate, decision: Decision, evidence: Evidence, target: str
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
    return Answer(refused.command, target, decision, None, None, ((host_stream(host.id), refused),))


# Evidence


def _evidence(vm: VmAggregate, host: HostAggregate, destination: HostAggregate | None) -> Evidence:
    state = vm.state
    return Evidence(
        host=_host_read(host, state.generation),
        destination=None if destination is None else _host_read(destination, state.generation),
        vm=VmRead(
            state.generation,
            state.guest,
            str(state.config_version),
            state.memory,
            state.in_use_reported,
            state.vsc,
        ),
    )


def _host_read(host: HostAggregate, generation: int | None) -> HostRead:
    state: Host = host.state
    return HostRead(
        host.id,
        host.version,
        state.version,
        state.total,
        state.reserve,
        state.held,
        state.free,
        None if generation is None else cap(generation, state.version),
    )


def _refuse_taken(kind: str, id: str, stream: str, world: World) -> None:
    if world.is_taken(stream):
        raise InputError(
            f"the {kind} id {id!r} is taken: one with it exists, or once did",
            hint="choose another id; an id is never used again, so that its history stays its own",
        )
