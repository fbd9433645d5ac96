"""Worlds in memory: a few hosts and VMs on which CPython runs the decider that the ledger runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import apply_to_host, apply_to_vm, begin_host, begin_vm
from domain.commands import COMMANDS, NAMES, Command
from domain.deciding.decider import Answer, decide
from domain.errors import UnknownHost, UnknownVm
from domain.events import HostEvent, HostRegistered, HostRemoved, VmDefined, VmEvent, VmRemoved
from domain.identifiers import StreamName, host_stream, split_stream, vm_stream
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.state import Host, Site
from rules.wording import COUNTS, typed

HERE: Final = "hv01"
THERE: Final = "hv02"
VM: Final = "web01"
OTHER: Final = "web02"


@dataclass(slots=True)
class World:
    """All decided hosts and VMs, as their events leave them."""

    vms: dict[str, VmAggregate] = field(default_factory=dict[str, VmAggregate])
    hosts: dict[str, HostAggregate] = field(default_factory=dict[str, HostAggregate])
    begun: set[StreamName] = field(default_factory=set[StreamName])
    """Every stream that ever began."""

    def vm(self, id: str) -> VmAggregate:
        """The VM with this id. Raises ``UnknownVm``."""
        if id not in self.vms:
            raise UnknownVm(id)
        return self.vms[id]

    def host(self, id: str) -> HostAggregate:
        """The host with this id. Raises ``UnknownHost``."""
        if id not in self.hosts:
            raise UnknownHost(id)
        return self.hosts[id]

    def is_taken(self, stream: StreamName) -> bool:
        """Whether a stream of this name ever began."""
        return stream in self.begun

    def vms_on(self, host: str) -> int:
        """How many VMs are on a host."""
        return sum(vm.host == host for vm in self.vms.values())

    def ask(self, command: Command) -> Answer:
        """Decides a command and lets its events happen. Raises ``InputError``, and then nothing happens."""
        answer = decide(command, self)
        for stream, event in answer.events:
            self.begun.add(stream)
            kind, id = split_stream(stream)
            match event:
                case VmDefined():
                    self.vms[id] = begin_vm(id, event)
                case HostRegistered():
                    self.hosts[id] = begin_host(id, event)
                case VmEvent():
                    apply_to_vm(self.vm(id), event)
                case HostEvent():
                    apply_to_host(self.host(id), event)
                case _:
                    raise AssertionError(f"{kind} has an event of no decided aggregate")
            if isinstance(event, VmRemoved):
                del self.vms[id]
            elif isinstance(event, HostRemoved):
                del self.hosts[id]
        return answer

    def site(self, vm: str = VM) -> Site:
        """What a command on a VM reads."""
        aggregate = self.vm(vm)
        return self.host(aggregate.host).site(aggregate)


def world_of(site: Site | None, host: Host | None = None, destination: Host | None = None) -> World:
    """A world with one VM on a host, or only a host, or none; and perhaps another host to move to."""
    world = World()
    account = site.host if site is not None else host
    if account is not None:
        world.hosts[HERE] = HostAggregate(HERE, account)
    if site is not None:
        world.vms[VM] = VmAggregate(VM, VM, HERE, site.vm)
        if site.entry != 0:
            world.hosts[HERE].book[VM] = site.entry
    if destination is not None:
        world.hosts[THERE] = HostAggregate(THERE, destination)
    world.begun = {vm_stream(id) for id in world.vms} | {host_stream(id) for id in world.hosts}
    return world


def command_of(name: str, arguments: Mapping[str, Any], vm: str = VM, host: str = HERE, to: str = THERE) -> Command:
    """A command by its name, with the ids of the VM and hosts that it is about."""
    kind = COMMANDS[name]
    given: dict[str, Any] = {"vm": vm, "host": host, "to": to, **arguments}
    return kind(**{key: value for key, value in given.items() if key in kind.__slots__})


def line_of(command: Command) -> dict[str, Any]:
    """A command as a script line has it."""
    line: dict[str, Any] = {"command": NAMES[type(command)]}
    for name in type(command).__slots__:
        value = getattr(command, name)
        if value is not None:
            line[name] = _written(name, value)
    return line


def _written(name: str, value: Any) -> Any:
    match value:
        case MemorySetting(mode=Mode.STATIC):
            return {"static": {"size": typed(value.startup)}}
        case MemorySetting():
            names = ("minimum", "startup", "maximum", "buffer", "weight")
            return {"dynamic": {each: _written(each, getattr(value, each)) for each in names}}
        case ConfigVersion():
            return str(value)
        case StrEnum():
            return value.value
        case int() if name not in COUNTS:
            return typed(value)
        case _:
            return value
