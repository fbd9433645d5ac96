"""What a decided event records, and what its command asked for, as sentences: hosts and VMs, grants and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain import events
from domain.decision import Outcome
from domain.events import Argument, Event
from domain.settings import MemorySetting
from domain.shapes import parse_memory
from nilometer.messages.settings import describe_setting
from nilometer.messages.sizes import Unit, format_rounded, format_size, format_sizes

_SIZES: Final = frozenset(("size", "total", "reserve", "in_use"))
_OBVIOUS: Final = _SIZES | {"memory"}
"""Arguments that need no name where they are the only one."""


def describe_vm_event(vm: str, event: events.VmEvent, unit: Unit | None) -> str:
    """What happened to a VM, or that a command on it was refused; ``vm`` names the VM."""
    if isinstance(event, events.VmMemoryAdded | events.VmMemoryRemoved):  # first, as most events are one of these
        return f"{vm} {_describe_resize(event, unit)}"
    before, after = event.before or event.after, event.after
    assigned = format_rounded(after.assigned, unit)
    change = " -> ".join(format_sizes([before.assigned, after.assigned], unit))
    match event:
        case events.VmDefined():
            setting = describe_setting(event.memory, unit)
            return f"{vm} was defined on host {event.host}: generation {event.generation}, {event.guest}, {setting}"
        case events.VmMemoryConfigured():
            return f"{vm} was configured: {describe_setting(event.memory, unit)}"
        case events.VmGuestConfigured():
            return f"{vm} was configured: guest {event.guest}, configuration version {event.config_version}"
        case events.VmRemoved():
            return f"{vm} was removed"
        case events.VmStarted():
            return f"{vm} started with {assigned}, session {after.session}"
        case events.VmRebooted():
            return f"{vm} rebooted, session {after.session}: {change}"
        case events.VmRestored():
            return f"{vm} was restored with {assigned}"
        case events.VmStopped():
            return f"{vm} stopped: {change}"
        case events.VmSaved():
            return f"{vm} was saved with {assigned}"
        case events.VmPaused():
            return f"{vm} was paused"
        case events.VmResumed():
            return f"{vm} was resumed"
        case events.VmInUseReported():
            in_use, assigned = format_sizes([event.in_use, after.assigned], unit)
            return f"{vm} reported {in_use} in use of {assigned} assigned"
        case events.VmMoved():
            return f"{vm} moved from host {event.source} to host {event.destination}"
        case events.VmCommandRefused():
            amount = "" if event.requested is None else f" of {format_size(event.requested, unit)}"
            return f"{vm}: {event.command}{amount} {_refused(event)}"
        case _:
            return f"{vm} {event.KIND}"


def _describe_resize(event: events.VmMemoryAdded | events.VmMemoryRemoved, unit: Unit | None) -> str:
    before, after = event.before or event.after, event.after
    paged = event.paged if isinstance(event, events.VmMemoryRemoved) else 0
    counts = [event.granted, event.requested, before.assigned, after.assigned, paged]
    granted, requested, assigned_before, assigned_after, paged_out = format_sizes(counts, unit)
    amount = granted if granted == requested else f"{granted} of {requested}"
    change = f"{assigned_before} -> {assigned_after}"
    if isinstance(event, events.VmMemoryAdded):
        return f"received {amount}: {change}"
    return f"returned {amount} by {event.mechanism}: {change}{f', {paged_out} paged out' if paged else ''}"


def describe_host_event(host: str, event: events.HostEvent, unit: Unit | None) -> str:
    """What happened to a host, or that a command on it was refused; ``host`` names the host."""
    before, after = event.before or event.after, event.after
    match event:
        case events.HostRegistered():
            total, reserve = format_sizes([event.total, event.reserve], unit)
            return f"{host} was registered: release {event.version}, total {total}, reserve {reserve}"
        case events.HostResized():
            return f"{host} was resized: total {' -> '.join(format_sizes([before.total, after.total], unit))}"
        case events.HostReserveSet():
            return f"{host} was configured: reserve {' -> '.join(format_sizes([before.reserve, after.reserve], unit))}"
        case events.HostRemoved():
            return f"{host} was removed"
        case events.HostMemoryGranted():
            granted, free = format_sizes([event.bytes, after.free], unit)
            return f"{host} granted {granted} to VM {event.vm}, {free} free"
        case events.HostMemoryReturned():
            returned, free = format_sizes([event.bytes, after.free], unit)
            return f"{host} received {returned} from VM {event.vm}, {free} free"
        case events.HostCommandRefused():
            vm = event.arguments.get("vm")
            return f"{host}: {event.command}{f' of VM {vm}' if vm else ''} {_refused(event)}"
        case _:
            return f"{host} {event.KIND}"


def _refused(event: events.Decided) -> str:
    return "was rejected" if event.outcome is Outcome.REJECTED else str(event.outcome)


def describe_arguments(event: Event, unit: Unit | None = None) -> str:
    """The arguments of a command that names no amount: ``total 64 GiB, reserve 2.25 GiB``; empty if there are none."""
    match event:
        case events.VmCommandRefused() | events.HostCommandRefused():
            return _describe_refused({name: value for name, value in event.arguments.items() if name != "vm"}, unit)
        case events.HostRegistered():
            total, reserve = format_sizes([event.total, event.reserve], unit)
            return f"version {event.version}, total {total}, reserve {reserve}"
        case events.HostResized():
            return format_size(event.total, unit)
        case events.HostReserveSet():
            return format_size(event.reserve, unit)
        case events.VmDefined():
            guest = f"guest {event.guest}, config version {event.config_version}"
            setting = describe_setting(event.memory, unit)
            return f"on {event.host}, generation {event.generation}, {guest}, memory {setting}"
        case events.VmMemoryConfigured():
            return describe_setting(event.memory, unit)
        case events.VmGuestConfigured():
            return f"guest {event.guest}, config version {event.config_version}"
        case events.VmInUseReported():
            return format_size(event.in_use, unit)
        case events.VmMoved():
            return f"to {event.destination}"
        case _:
            return ""


def _describe_refused(arguments: Mapping[str, Argument], unit: Unit | None) -> str:
    sizes = {name: value for name, value in arguments.items() if name in _SIZES and isinstance(value, int)}
    formatted = dict(zip(sizes, format_sizes(sizes.values(), unit), strict=True))
    texts = {name: formatted.get(name) or _describe_argument(value, unit) for name, value in arguments.items()}
    if len(texts) == 1 and texts.keys() <= _OBVIOUS:
        return "".join(texts.values())
    return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in texts.items())


def _describe_argument(value: Argument, unit: Unit | None) -> str:
    memory = parse_memory(value) if isinstance(value, dict) else None
    return describe_setting(memory, unit) if isinstance(memory, MemorySetting) else str(value)
