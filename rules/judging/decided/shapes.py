"""Checks the fields that an event of each kind must have: amounts, arguments of its command, evidence, mechanism.

The figures that decide are checked by deciding again; these are the fields that no rule reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from domain import events
from domain.commands import COMMANDS
from domain.events import Argument, HostEvent, VmEvent
from domain.guests import removal_mechanism
from domain.settings import MemorySetting, Mode
from domain.shapes import parse_memory
from domain.state import Power
from rules.judging.findings import Difference, Figure

OPTIONAL = frozenset(("name",))
"""Arguments that a command may leave out."""


def vm_shape_difference(event: VmEvent) -> Difference | None:
    """The fields that an event of its kind must have otherwise; ``None`` if all are right."""
    evidence = event.evidence
    if evidence.vms is not None or (evidence.destination is not None and event.command != "move-vm"):
        destination = None if evidence.destination is None else evidence.destination.id
        return {}, {"vms": evidence.vms, "destination.id": destination}
    if isinstance(event, events.VmCommandRefused):
        return _refusal_difference(event) or _size_difference(event, event.size)
    if not isinstance(event, events.VmMemoryAdded | events.VmMemoryRemoved):
        if event.granted is not None or event.requested is not None:
            return {}, {"requested": event.requested, "granted": event.granted}
        return _size_difference(event, event.size) if isinstance(event, events.VmMemoryConfigured) else None
    if event.granted is None or event.requested is None:
        return {}, {"requested": event.requested, "granted": event.granted}
    if isinstance(event, events.VmMemoryRemoved):
        read = evidence.vm
        mechanism = None if read is None else removal_mechanism(read.guest)
        if mechanism is not event.mechanism:
            return {"mechanism": mechanism}, {"mechanism": event.mechanism.value}
    return _size_difference(event, event.size)


def host_shape_difference(event: HostEvent) -> Difference | None:
    """As ``vm_shape_difference``, for an event on the stream of a host."""
    if not isinstance(event, events.HostCommandRefused | events.HostRemoved):
        return None
    evidence, command = event.evidence, event.command
    expected = command == "define-vm", False, False, command == "remove-host"
    parts = evidence.host, evidence.destination, evidence.vm, evidence.vms
    found = tuple(part is not None for part in parts)
    if found != expected:
        names = "host", "destination", "vm", "vms"
        return dict(zip(names, expected, strict=True)), dict(zip(names, found, strict=True))
    if isinstance(event, events.HostRemoved):
        return None
    return _arguments_difference(command, "host", event.arguments)


def _refusal_difference(event: events.VmCommandRefused) -> Difference | None:
    amount = _amount_of(event)
    granted = None if amount is None else 0
    if event.requested != amount or event.granted != granted:
        found = {"requested": event.requested, "granted": event.granted}
        return {"requested": amount, "granted": granted}, found
    to, destination = event.arguments.get("to"), event.evidence.destination
    if event.command == "move-vm" and (destination is None or destination.id != to):
        return {"destination.id": _figure(to)}, {"destination.id": None if destination is None else destination.id}
    return _arguments_difference(event.command, "vm", event.arguments)


def _amount_of(event: events.VmCommandRefused) -> int | None:
    """The requested amount; for a size, its distance from what the VM has, unless the size is only configured."""
    amount, size, before = event.arguments.get("amount"), event.arguments.get("size"), event.before
    if event.command == "set-memory" and isinstance(size, int) and before is not None:
        return None if before.power is Power.OFF else abs(size - before.assigned)
    return amount if isinstance(amount, int) else None


def _size_difference(event: VmEvent, size: int | None) -> Difference | None:
    """Whether the size that ``set-memory`` asked for is another than the one that the recorded command leads to.

    Without a size the command was requested as it is recorded, or the event is older than its second version.
    """
    if size is None:
        return None
    expected = _size_led_to(event)
    return None if expected == size else ({"size": expected}, {"size": size})


def _size_led_to(event: VmEvent) -> int | None:
    """The size that the recorded command leads to; ``None`` if ``set-memory`` never becomes this command."""
    before, read = event.before, event.evidence.vm
    if isinstance(event, events.VmCommandRefused) and event.command == "set-memory":
        size = event.arguments.get("size")
        return size if isinstance(size, int) else None
    if before is None or read is None or read.memory.mode is not Mode.STATIC:
        return None
    if event.command == "configure-memory":
        setting = _setting_of(event)
        is_size = before.power is Power.OFF and setting == MemorySetting.static(setting.startup)
        return setting.startup if is_size else None
    amount = event.requested
    if before.power is Power.OFF or not amount or event.command not in ("add-memory", "remove-memory"):
        return None
    return before.assigned + (amount if event.command == "add-memory" else -amount)


def _setting_of(event: VmEvent) -> MemorySetting:
    """The setting that ``configure-memory`` asked for."""
    if isinstance(event, events.VmMemoryConfigured):
        return event.memory
    assert isinstance(event, events.VmCommandRefused)
    memory = parse_memory(event.arguments["memory"])
    assert isinstance(memory, MemorySetting)
    return memory


def _arguments_difference(command: str, target: str, given: Mapping[str, Argument]) -> Difference | None:
    """Whether a refusal records the arguments of its command, except the VM or host on whose stream it is."""
    required, allowed = _parameters_of(command, target)
    if required <= given.keys() <= allowed:
        return None
    return {"arguments": ", ".join(sorted(allowed))}, {"arguments": ", ".join(sorted(given))}


@cache
def _parameters_of(command: str, target: str) -> tuple[frozenset[str], frozenset[str]]:
    """The arguments that a refusal of the command must record, and those that it may record."""
    kind = COMMANDS.get(command)
    allowed = frozenset[str]() if kind is None else frozenset(kind.__slots__) - {target}
    return allowed - OPTIONAL, allowed


def _figure(value: object) -> Figure:
    return value if isinstance(value, int | str) else None
