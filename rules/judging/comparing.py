"""Compares an event with what it should record: the figures that differ, by their paths."""

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
from rules.judging.findings import Difference, Figure, Figures
from rules.wording import format_exact_sizes


def difference_of(expected: object, found: object, path: str = "") -> Difference:
    """The figures in which two records differ, as each record has them; ``None`` stands for a missing record."""
    one, other = _flatten(expected, path), _flatten(found, path)
    names = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]
    return {name: one.get(name) for name in names}, {name: other.get(name) for name in names}


def figures_of(record: object, *names: str, path: str = "") -> dict[str, Figure]:
    """Figures of a record by their paths; without names, all of them."""
    return {name: value for name, value in _flatten(record, path).items() if not names or name in names}


def _flatten(record: object, path: str) -> dict[str, Figure]:
    if isinstance(record, Mapping):
        named = cast("Mapping[str, Figure]", record)
        return {f"{path}{name}": value for name, value in named.items()}
    if not is_dataclass(record):
        return {} if record is None else {path.rstrip("."): _figure(record)}
    figures: dict[str, Figure] = {}
    for field in fields(record):
        value: Any = getattr(record, field.name)
        if is_dataclass(value):
            figures |= _flatten(value, f"{path}{field.name}.")
        else:
            figures[f"{path}{field.name}"] = _figure(value)
    return figures


def _figure(value: object) -> Figure:
    if isinstance(value, StrEnum):
        return value.value
    return value if value is None or isinstance(value, bool | int | str) else str(value)


# What an event records of the state before it


def is_vm_as_recorded(vm: Vm, before: VmFigures | None, read: VmRead | None) -> bool:
    """Whether a VM's state is the one that an event records before it."""
    return before == vm_figures(vm) and matches_vm_read(read, vm)


def matches_vm_read(read: VmRead | None, vm: Vm) -> bool:
    """Whether an event's evidence of a VM, which its figures do not contain, matches the VM's state."""
    return (
        read is not None
        and read.vsc is vm.vsc
        and read.in_use_reported is vm.in_use_reported
        and read.guest is vm.guest
        and read.generation == vm.generation
        and read.memory == vm.memory
        and read.config_version == str(vm.config_version)
    )


def has_vm_figures(vm: Vm, figures: VmFigures) -> bool:
    """Whether a VM has these figures."""
    return (
        figures.assigned == vm.assigned
        and figures.visible == vm.visible
        and figures.in_use == vm.in_use
        and figures.high_watermark == vm.high_watermark
        and figures.startup == vm.memory.startup
        and figures.ballooned == vm.ballooned
        and figures.hot_pluggable == vm.hot_pluggable
        and figures.power is vm.power
        and figures.session == vm.session
        and figures.paged_out == vm.paged_out
    )


def has_host_figures(host: Host, figures: HostFigures) -> bool:
    """Whether a host has these figures."""
    return (
        figures.held == host.held
        and figures.free == host.total - host.reserve - host.held
        and figures.total == host.total
        and figures.reserve == host.reserve
    )


def matches_host_read(read: HostRead, host: Host, generation: int | None) -> bool:
    """Whether an event's evidence of a host matches the host's state."""
    return (
        read.total == host.total
        and read.reserve == host.reserve
        and read.held == host.held
        and read.version is host.version
        and read.free == host.total - host.reserve - host.held
        and read.cap == (None if generation is None else cap(generation, host.version))
    )


def expected_vm_read(vm: Vm) -> VmRead:
    """The evidence of a VM that an event should record."""
    return VmRead(
        generation=vm.generation,
        guest=vm.guest,
        config_version=str(vm.config_version),
        memory=vm.memory,
        in_use_reported=vm.in_use_reported,
        vsc=vm.vsc,
    )


def expected_host_read(id: str, host: Host, version: int, generation: int | None) -> HostRead:
    """The evidence of a host that an event should record, if it read the host at this version of its stream."""
    return HostRead(
        id=id,
        stream_version=version,
        version=host.version,
        total=host.total,
        reserve=host.reserve,
        held=host.held,
        free=host.free,
        cap=None if generation is None else cap(generation, host.version),
    )


# What an event records of its decision


def decision_of(event: VmEvent) -> Decision:
    """The decision that an event records."""
    hot_added, unballooned, paged = _steps_of(event)
    return Decision(
        outcome=event.outcome,
        code=Code.NONE if event.code is None else event.code,
        granted=event.granted or 0,
        hot_added=hot_added,
        unballooned=unballooned,
        paged=paged,
    )


def records_decision(event: VmEvent, decision: Decision) -> bool:
    """Whether an event records this decision."""
    hot_added, unballooned, paged = _steps_of(event)
    return (
        decision.outcome is event.outcome
        and decision.granted == (event.granted or 0)
        and (decision.code is event.code or (event.code is None and decision.code is Code.NONE))
        and decision.hot_added == hot_added
        and decision.unballooned == unballooned
        and decision.paged == paged
    )


def _steps_of(event: VmEvent) -> tuple[int, int, int]:
    """What was hot-added, taken from the balloon, and paged out."""
    if isinstance(event, VmMemoryAdded):
        return event.hot_added, event.unballooned, 0
    return 0, 0, event.paged if isinstance(event, VmMemoryRemoved) else 0


def starting_figures(event: VmEvent) -> Figures:
    """The recorded figures that a decision starts from, as far as a reader needs them to follow it."""
    evidence: Evidence = event.evidence
    figures = figures_of(event.before, "power", "assigned", "in_use", "ballooned")
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


def request_and_outcome(event: VmEvent) -> str:
    """What was requested, and its outcome, in one clause."""
    amount = "" if event.requested is None else f" of {format_exact_sizes([event.requested])[0]}"
    return f"{event.command}{amount} had the outcome {event.outcome.value}"


# The two events of one change


def belong_together(vm: Envelope[Event], host: Envelope[Event]) -> bool:
    """Whether a VM's event and a host's event can record the same change, the second caused by the first."""
    first, second, this, that = vm.event, host.event, vm.metadata, host.metadata
    assert isinstance(first, Decided)
    assert isinstance(second, Decided)
    return (
        second.command == first.command
        and second.outcome is first.outcome
        and second.code is first.code
        and _has_same_amounts(first, second)
        and that.causation == vm.id
        and that.correlation == this.correlation
        and that.happened == this.happened
        and that.recorded == this.recorded
        and that.actor == this.actor
        and that.via == this.via
        and that.reason == this.reason
    )


def _has_same_amounts(first: Event, second: Event) -> bool:
    """Whether the host's event records the amounts of the VM's; before version 2 it recorded none."""
    assert isinstance(first, VmEvent)
    assert isinstance(second, HostMemoryGranted | HostMemoryReturned)
    absent = second.requested is None and second.granted is None
    return absent or (second.requested == first.requested and second.granted == first.granted)


def common_figures(
    envelope: Envelope[Event], event: VmEvent | HostMemoryGranted | HostMemoryReturned
) -> dict[str, Figure]:
    """What all events of one change have in common, and the event that caused this one."""
    metadata = envelope.metadata
    return {
        "command": event.command,
        "outcome": event.outcome.value,
        "code": None if event.code is None else event.code.value,
        "requested": event.requested,
        "granted": event.granted,
        "actor": metadata.actor,
        "via": metadata.via,
        "reason": metadata.reason,
        "correlation": metadata.correlation,
        "happened": metadata.happened,
        "recorded": metadata.recorded,
        "causation": metadata.causation,
    }
