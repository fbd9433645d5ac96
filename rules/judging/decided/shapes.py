"""What an event of each kind carries: amounts where its command names one, the arguments of its command, its evidence.

What decides is judged by deciding again; this is what the rules do not ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from domain import events
from domain.commands import COMMANDS
from domain.events import Argument, HostEvent, VmEvent
from domain.guests import removal_mechanism
from domain.state import Power
from rules.judging.collector import Differ
from rules.judging.findings import Figure

OPTIONAL = frozenset(("name",))
"""Arguments that a command may leave out."""


def vm_shape(event: VmEvent) -> Differ | None:
    """What is not as events of its kind have it, as it should be and as it is; ``None`` if all is."""
    evidence = event.evidence
    if evidence.vms is not None or (evidence.destination is not None and event.command != "move-vm"):
        there = None if evidence.destination is None else evidence.destination.id
        return {}, {"vms": evidence.vms, "destination.id": there}
    if isinstance(event, events.VmCommandRefused):
        return _refused(event)
    if not isinstance(event, events.VmMemoryAdded | events.VmMemoryRemoved):
        if event.granted is None and event.requested is None:
            return None
        return {}, {"requested": event.requested, "granted": event.granted}
    if event.granted is None or event.requested is None:
        return {}, {"requested": event.requested, "granted": event.granted}
    if isinstance(event, events.VmMemoryRemoved):
        read = evidence.vm
        mechanism = None if read is None else removal_mechanism(read.guest)
        if mechanism is not event.mechanism:
            return {"mechanism": mechanism}, {"mechanism": event.mechanism.value}
    return None


def host_shape(event: HostEvent) -> Differ | None:
    """As ``vm_shape``, of an event on the stream of a host."""
    if not isinstance(event, events.HostCommandRefused | events.HostRemoved):
        return None
    evidence, command = event.evidence, event.command
    reads = command == "define-vm", False, False, command == "remove-host"
    parts = evidence.host, evidence.destination, evidence.vm, evidence.vms
    found = tuple(part is not None for part in parts)
    if found != reads:
        names = "host", "destination", "vm", "vms"
        return dict(zip(names, reads, strict=True)), dict(zip(names, found, strict=True))
    if isinstance(event, events.HostRemoved):
        return None
    return _arguments(command, "host", event.arguments)


def _refused(event: events.VmCommandRefused) -> Differ | None:
    amount = _amount_of(event)
    granted = None if amount is None else 0
    if event.requested != amount or event.granted != granted:
        found = {"requested": event.requested, "granted": event.granted}
        return {"requested": amount, "granted": granted}, found
    to, there = event.arguments.get("to"), event.evidence.destination
    if event.command == "move-vm" and (there is None or there.id != to):
        return {"destination.id": _figure(to)}, {"destination.id": None if there is None else there.id}
    return _arguments(event.command, "vm", event.arguments)


def _amount_of(event: events.VmCommandRefused) -> int | None:
    """How much was asked for: of a size, by how much that is another than the VM has, unless it is only configured."""
    amount, size, before = event.arguments.get("amount"), event.arguments.get("size"), event.before
    if event.command == "set-memory" and isinstance(size, int) and before is not None:
        return None if before.power is Power.OFF else abs(size - before.assigned)
    return amount if isinstance(amount, int) else None


def _arguments(command: str, target: str, given: Mapping[str, Argument]) -> Differ | None:
    """Whether a refusal tells the arguments that its command takes, but for the VM or host on whose stream it is."""
    least, takes = _takes(command, target)
    if least <= given.keys() <= takes:
        return None
    return {"arguments": ", ".join(sorted(takes))}, {"arguments": ", ".join(sorted(given))}


@cache
def _takes(command: str, target: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a refusal of the command has to tell, and what it may tell."""
    kind = COMMANDS.get(command)
    takes = frozenset[str]() if kind is None else frozenset(kind.__slots__) - {target}
    return takes - OPTIONAL, takes


def _figure(value: object) -> Figure:
    return value if isinstance(value, int | str) else None
