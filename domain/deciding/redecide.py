"""Re-deciding: the decision that an event records, made again from the evidence in the event itself.

An event carries its evidence. So one event alone shows whether its decision was right, long after others have changed
the host and the VM. Nothing but the event is read, and the same rules decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import signature
from typing import Any, Final, cast, get_args

from domain import events, hosts, lifecycle, resizing
from domain.aggregates import HistoryError
from domain.commands import NAMES, DefineVm
from domain.deciding.enforced import NEVER_REFUSED, RESIZES
from domain.deciding.steps import STEPS, Step
from domain.decision import Code, Decision, Outcome, accepted, failed, refused_or_done, rejected
from domain.events import Decided, Event, Evidence, HostEvent, HostFigures, HostRead, VmEvent
from domain.guests import Guest
from domain.policy_events import BY_POLICY, VmMemoryAddedWithinPolicy, VmMemoryRemovedWithinPolicy
from domain.quantities import whole
from domain.replacing import replace
from domain.settings import HostVersion
from domain.shapes import parse_config_version, parse_memory
from domain.state import Host, Site, Vm

_STEPS: Final[Mapping[str, Step]] = {NAMES[command]: step for command, step in STEPS.items()}

HOST_DECISIONS: Final[Mapping[str, Callable[..., Decision]]] = {
    "register-host": hosts.register_host,
    "resize-host": hosts.resize_host,
    "set-reserve": hosts.set_reserve,
    "remove-host": hosts.remove_host,
    "define-vm": lifecycle.define_vm,
}
"""The rule by which a recorded host command, or ``define-vm``, is decided again.

It is proved that what decides and records it decides the same.
"""

_HOST_COMMANDS: Final[Mapping[str, str]] = {
    events.HostRegistered.KIND: "register-host",
    events.HostResized.KIND: "resize-host",
    events.HostReserveSet.KIND: "set-reserve",
    events.HostRemoved.KIND: "remove-host",
}
"""The command of each event of a host command; a refusal has any."""


def redecide(event: Event) -> Decision | None:
    """The decision that the rules make of the request and the evidence in an event; ``None`` if it records no decision.

    A host's ``memory-granted`` and ``memory-returned`` record none: they are the other half of a decision on a VM.
    Raises ``HistoryError`` if the event lacks its evidence, or has arguments that no command can have.
    """
    try:
        match event:
            case events.HostMemoryGranted() | events.HostMemoryReturned():
                return None
            case VmEvent():
                return _within_policies(event, _on_vm(event))
            case HostEvent():
                return _within_policies(event, _on_host(event))
            case _:
                return None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise HistoryError(f"a {event.KIND} event does not carry what decided it: {error!r}") from None


_BY_POLICY: Final = frozenset(get_args(BY_POLICY))
"""Asked before ``isinstance``, which costs more, of every event that is recorded."""


def _within_policies(event: VmEvent | HostEvent, decision: Decision) -> Decision:
    """The decision of the rules, as the policies that the event names restrict it.

    That they do so is taken from the event: whoever knows the policies asks them (``rules.policies``). A policy can
    only refuse what the rules accept, never a stop or a removal, and only grant less.
    """
    if type(event) not in _BY_POLICY:
        return decision
    if not isinstance(event, BY_POLICY) or not accepted(decision) or event.command in NEVER_REFUSED:
        return decision
    if not any(read.after > read.before for read in event.policies):
        return decision
    if isinstance(event, VmMemoryAddedWithinPolicy | VmMemoryRemovedWithinPolicy):
        granted = event.granted or 0
        if not (whole(granted) and 0 < granted < decision.granted):
            return decision
        site = Site(host_as_read(event.evidence.host), vm := vm_as_read(event), vm.held)
        less = _STEPS[event.command].rule(site, amount=granted)
        return replace(less, outcome=Outcome.PARTIALLY_COMPLETED, code=Code.POLICY)
    is_failed = event.command in RESIZES and event.outcome is Outcome.FAILED
    return failed(Code.POLICY) if is_failed else rejected(Code.POLICY)


def find_other_decision(event: Event) -> str | None:
    """Where the decision that an event records differs from the one that its evidence leads to; ``None`` if nowhere."""
    try:
        decision = redecide(event)
    except HistoryError as error:
        return str(error)
    if decision is None or not isinstance(event, Decided):
        return None
    if decision.outcome is not event.outcome:
        return f"outcome is {event.outcome}, and should be {decision.outcome}"
    if (event.code or Code.NONE) is not decision.code:
        return f"code is {event.code}, and should be {decision.code}"
    if not isinstance(event, VmEvent):
        return None
    if event.granted is not None and event.granted != decision.granted:
        return f"granted is {event.granted}, and should be {decision.granted}"
    step = _STEPS.get(event.command)
    if step is not None and isinstance(event, step.event):
        for name in step.decided:
            if getattr(event, name) != getattr(decision, name):
                return f"{name} is {getattr(event, name)}, and should be {getattr(decision, name)}"
    return None


def _on_vm(event: VmEvent) -> Decision:
    if isinstance(event, events.VmDefined):
        return lifecycle.define_vm(host_as_read(event.evidence.host), event.generation, event.memory)
    site = Site(host_as_read(event.evidence.host), vm := vm_as_read(event), vm.held)
    if event.command == "set-memory":  # recorded as itself only when it is refused at once
        return refused_or_done(resizing.set_memory_refusal(vm))
    if event.command == "move-vm":
        return lifecycle.move_vm(site, host_as_read(event.evidence.destination), same_host(event.evidence))
    return _STEPS[event.command].rule(site, **arguments_of(event))


def arguments_of(event: VmEvent) -> dict[str, Any]:
    """The arguments of the command of an event, by name, as its rule takes them. Raises ``LookupError`` for none."""
    if isinstance(event, events.VmCommandRefused):
        return _arguments_of_refused(event.arguments)
    step = _STEPS[event.command]
    return {name: event.requested if name == "amount" else getattr(event, name) for name in step.takes}


def _on_host(event: HostEvent) -> Decision:
    rule: Callable[..., Decision] = HOST_DECISIONS[_HOST_COMMANDS.get(event.KIND, event.command)]
    refused: dict[str, Any] | None = None
    if isinstance(event, events.HostCommandRefused):
        refused = _arguments_of_refused(event.arguments)
    return rule(*[_read_of_host(event, name, refused) for name in signature(rule).parameters])


def _read_of_host(event: HostEvent, name: str, refused: Mapping[str, Any] | None) -> object:
    """What a decision on a host read, by the name of the parameter of its rule; or what it was asked."""
    if name == "vms":
        return _vms(cast("Any", event).evidence)
    if name != "host":
        return getattr(event, name) if refused is None else refused[name]
    if isinstance(event, events.HostCommandRefused) and event.command == NAMES[DefineVm]:
        return host_as_read(event.evidence.host)
    return _account(event.before)


# What was asked

_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "memory": parse_memory,
    "guest": Guest,
    "config_version": parse_config_version,
}


def _arguments_of_refused(arguments: Mapping[str, object]) -> dict[str, Any]:
    """A refused command's arguments as its rule takes them."""
    return {name: _READERS[name](value) if name in _READERS else value for name, value in arguments.items()}


# What was read

_config_version = lru_cache(maxsize=256)(parse_config_version)


def vm_as_read(event: VmEvent) -> Vm:
    """The VM before the event, from what the event carries of it. Raises ``TypeError`` if it carries no evidence."""
    read, before = event.evidence.vm, event.before
    if read is None or before is None:
        raise TypeError("it has no figures of the VM before it")
    return Vm(
        generation=read.generation,
        guest=read.guest,
        config_version=_config_version(read.config_version),
        memory=read.memory,
        power=before.power,
        session=before.session,
        assigned=before.assigned,
        ballooned=before.ballooned,
        in_use=before.in_use,
        in_use_reported=read.in_use_reported,
        paged_out=before.paged_out,
        high_watermark=before.high_watermark,
        vsc=read.vsc,
        hot_pluggable=before.hot_pluggable,
    )


def host_as_read(read: HostRead | None) -> Host:
    if read is None:
        raise TypeError("it does not say which host was read")
    return Host(total=read.total, reserve=read.reserve, version=read.version, held=read.held)


def _account(figures: HostFigures | None) -> Host:
    """A host as a host command reads it. Its release is made up: no event repeats it, and no host command reads it."""
    if figures is None:
        raise TypeError("it has no figures of the host before it")
    return Host(total=figures.total, reserve=figures.reserve, version=HostVersion.V2025, held=figures.held)


def same_host(evidence: Evidence) -> bool:
    """Whether the host that a VM moves to is the one that it is on, as a decision read them."""
    source, destination = evidence.host, evidence.destination
    return source is not None and destination is not None and source.id == destination.id


def _vms(evidence: Evidence) -> int:
    if evidence.vms is None:
        raise TypeError("it does not say how many VMs were on the host")
    return evidence.vms
