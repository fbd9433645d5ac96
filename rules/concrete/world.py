"""Worlds in memory: a few hosts and VMs on which CPython runs the decider that the ledger runs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from domain.aggregates import HostAggregate, VmAggregate
from domain.commands import COMMANDS, NAMES, Command
from domain.deciding.world import World
from domain.identifiers import host_stream, vm_stream
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.state import Host, Site
from rules.wording import COUNTS, typed

HERE: Final = "hv01"
THERE: Final = "hv02"
VM: Final = "web01"
OTHER: Final = "web02"


def site_in(world: World, vm: str = VM) -> Site:
    """What a command on a VM reads of the VM and its host."""
    aggregate = world.vm(vm)
    return world.host(aggregate.host).site(aggregate)


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
