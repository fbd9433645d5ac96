"""What an event says beside what it should say: the figures that differ, by their paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, cast

from domain.changes import vm_figures
from domain.decision import Code, Decision
from domain.envelope import Envelope
from domain.events import (
    Decided,
    Event,
    Evidence,
    HostFigures,
    HostMemoryGranted,
    HostMemoryReturned,
    HostRead,
    VmEvent,
    VmFigures,
    VmMemoryAdded,
    VmMemoryRemoved,
    VmRead,
)
from domain.settings import cap
from domain.state import Host, Vm
from rules.judging.findings import Figure, Figures
from rules.wording import size


def differing(expected: object, found: object, path: str = "") -> tuple[dict[str, Figure], dict[str, Figure]]:
    """The figures in which two records differ, of each of them; a record that is not there is ``None``."""
    one, other = _flat(expected, path), _flat(found, path)
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    return {name: one.get(name) for name in names}, {name: other.get(name) for name in names}


def told(record: object, *names: str, path: str = "") -> dict[str, Figure]:
    """Figures of a record by their paths; without names, all."""
    return {name: value for name, value in _flat(record, path).items() if not names or name in names}


def _flat(record: object, path: str) -> dict[str, Figure]:
    if isinstance(record, Mapping):
        named = cast("Mapping[str, Figure]", record)
        return {f"{path}{name}": value for name, value in named.items()}
    if not is_dataclass(record):
        return {} if record is None else {path.rstrip("."): _figure(record)}
    found: dict[str, Figure] = {}
    for field in fields(record):
        value: Any = getattr(record, field.name)
        if is_dataclass(value):
            found |= _flat(value, f"{path}{field.name}.")
        else:
            found[f"{path}{field.name}"] = _figure(value)
    return found


def _figure(value: object) -> Figure:
    if isinstance(value, StrEnum):
        return value.value
    return value if value is None or isinstance(value, bool | int | str) else str(value)


# What an event says of the state before it


def vm_is_as_read(vm: Vm, before: VmFigures | None, read: VmRead | None) -> bool:
    """Whether a VM is as an event says that it was."""
    return before == vm_figures(vm) and reads(read, vm)


def reads(read: VmRead | None, vm: Vm) -> bool:
    """Whether what was read of a VM beside its figures is so."""
    return (
        read is not None
        and read.vsc is vm.vsc
        and read.in_use_reported is vm.in_use_reported
        and read.guest is vm.guest
        and read.generation == vm.generation
        and read.memory == vm.memory
        and read.config_version == str(vm.config_version)
    )


def has_figures(vm: Vm, told: VmFigures) -> bool:
    """Whether a VM has the figures that an event carries."""
    return (
        told.assigned == vm.assigned
        and told.visible == vm.visible
        and told.in_use == vm.in_use
        and told.high_watermark == vm.high_watermark
        and told.startup == vm.memory.startup
        and told.ballooned == vm.ballooned
        and told.hot_pluggable == vm.hot_pluggable
        and told.power is vm.power
        and told.session == vm.session
        and told.paged_out == vm.paged_out
    )


def account_is(host: Host, told: HostFigures) -> bool:
    """Whether a host has the figures that an event carries."""
    return (
        told.held == host.held
        and told.free == host.total - host.reserve - host.held
        and told.total == host.total
        and told.reserve == host.reserve
    )


def decided_so(decision: Decision, event: VmEvent) -> bool:
    """Whether a decision is the one that an event tells."""
    hot_added = unballooned = paged = 0
    if isinstance(event, VmMemoryAdded):
        hot_added, unballooned = event.hot_added, event.unballooned
    elif isinstance(event, VmMemoryRemoved):
        paged = event.paged
    return (
        decision.outcome is event.outcome
        and decision.granted == (event.granted or 0)
        and (decision.code is event.code or (event.code is None and decision.code is Code.NONE))
        and decision.hot_added == hot_added
        and decision.unballooned == unballooned
        and decision.paged == paged
    )


def vm_read(vm: Vm) -> VmRead:
    """What an event should say of a VM beside its figures."""
    return VmRead(vm.generation, vm.guest, str(vm.config_version), vm.memory, vm.in_use_reported, vm.vsc)


def host_is_as_read(host: Host, read: HostRead, generation: int | None) -> bool:
    """Whether a host was as an event says that it read it."""
    return (
        read.total == host.total
        and read.reserve == host.reserve
        and read.held == host.held
        and read.version is host.version
        and read.free == host.total - host.reserve - host.held
        and read.cap == (None if generation is None else cap(generation, host.version))
    )


def host_read(id: str, host: Host, version: int, generation: int | None) -> HostRead:
    """What an event should say of a host that it read."""
    limit = None if generation is None else cap(generation, host.version)
    return HostRead(id, version, host.version, host.total, host.reserve, host.held, host.free, limit)


# What an event says of its decision


def decision_of(event: VmEvent) -> Decision:
    """The decision as an event tells it."""
    hot_added = unballooned = paged = 0
    if isinstance(event, VmMemoryAdded):
        hot_added, unballooned = event.hot_added, event.unballooned
    elif isinstance(event, VmMemoryRemoved):
        paged = event.paged
    code = Code.NONE if event.code is None else event.code
    return Decision(event.outcome, code, event.granted or 0, hot_added, unballooned, paged)


def known(event: VmEvent) -> Figures:
    """What a decision starts from, as its event says: what a person needs to follow it."""
    evidence: Evidence = event.evidence
    figures = told(event.before, "power", "assigned", "in_use", "ballooned")
    if evidence.vm is not None:
        read = evidence.vm
        figures |= {
            "guest": read.guest.value,
            "mode": read.memory.mode.value,
            "in_use_reported": read.in_use_reported,
        }
        if read.memory.maximum:
            figures |= {"minimum": read.memory.minimum, "maximum": read.memory.maximum}
    for name, host in (("host", evidence.host), ("destination", evidence.destination)):
        if host is not None:
            figures |= {f"{name}.free": host.free, f"{name}.cap": host.cap}
    return figures


def asked(event: VmEvent) -> str:
    """What was asked and answered, in a clause."""
    amount = "" if event.requested is None else f" of {size(event.requested)}"
    return f"{event.command}{amount} was answered {event.outcome.value}"


def by_the_same_hand(one: Envelope[Event], other: Envelope[Event]) -> bool:
    """Whether two events can be of one change, and the second follows from the first."""
    first, second, this, that = one.event, other.event, one.metadata, other.metadata
    assert isinstance(first, Decided)
    assert isinstance(second, Decided)
    return (
        second.command == first.command
        and second.outcome is first.outcome
        and second.code is first.code
        and tells_the_same(first, second)
        and that.causation == one.id
        and that.correlation == this.correlation
        and that.happened == this.happened
        and that.recorded == this.recorded
        and that.actor == this.actor
        and that.via == this.via
        and that.reason == this.reason
    )


def tells_the_same(first: Event, second: Event) -> bool:
    """Whether the host's half of a change tells of the request what the VM's does; until version 2 it told nothing."""
    assert isinstance(first, VmEvent)
    assert isinstance(second, HostMemoryGranted | HostMemoryReturned)
    untold = second.requested is None and second.granted is None
    return untold or (second.requested == first.requested and second.granted == first.granted)


def hand(envelope: Envelope[Event], event: VmEvent | HostMemoryGranted | HostMemoryReturned) -> dict[str, Figure]:
    """What all events of one change have in common, and what they follow from."""
    said = envelope.metadata
    return {
        "command": event.command,
        "outcome": event.outcome.value,
        "code": None if event.code is None else event.code.value,
        "requested": event.requested,
        "granted": event.granted,
        "actor": said.actor,
        "via": said.via,
        "reason": said.reason,
        "correlation": said.correlation,
        "happened": said.happened,
        "recorded": said.recorded,
        "causation": said.causation,
    }
