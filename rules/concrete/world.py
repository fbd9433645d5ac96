"""A world in memory: a few hosts and VMs, on which CPython runs the decider that the ledger runs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from domain.aggregates import HostAggregate, VmAggregate
from domain.commands import COMMANDS, NAMES, Command
from domain.deciding.world import World
from domain.identifiers import host_stream, vm_stream
from domain.quantities import is_count
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.state import Host, Site
from rules.wording import format_typed

HERE: Final = "hv01"
THERE: Final = "hv02"
VM: Final = "web01"
OTHER: Final = "web02"
ELSEWHERE: Final = "hv03"
"""The ids of the hosts and VMs in counterexamples and searched histories."""


def site_in(world: World, vm: str = VM) -> Site:
    """The site of a VM: what a command on it reads."""
    aggregate = world.vm(vm)
    return world.host(aggregate.host).site(aggregate)


def world_of(site: Site | None, host: Host | None = None, destination: Host | None = None) -> World:
    """A world with one VM on a host, or only a host, or nothing; and another host if ``destination`` is given."""
    world = World()
    here = site.host if site is not None else host
    if here is not None:
        world.hosts[HERE] = HostAggregate(id=HERE, state=here)
    if site is not None:
        world.vms[VM] = VmAggregate(id=VM, name=VM, host=HERE, state=site.vm)
        if site.entry != 0:
            world.hosts[HERE].book[VM] = site.entry
    if destination is not None:
        world.hosts[THERE] = HostAggregate(id=THERE, state=destination)
    world.begun = {vm_stream(id) for id in world.vms} | {host_stream(id) for id in world.hosts}
    return world


def put_beside(world: World, site: Site) -> None:
    """Puts another VM into a world, on a host of its own."""
    world.hosts[ELSEWHERE] = HostAggregate(
        id=ELSEWHERE, state=site.host, book={OTHER: site.entry} if site.entry else {}
    )
    world.vms[OTHER] = VmAggregate(id=OTHER, name=OTHER, host=ELSEWHERE, state=site.vm)
    world.begun |= {vm_stream(OTHER), host_stream(ELSEWHERE)}


def command_of(name: str, arguments: Mapping[str, Any], vm: str = VM, host: str = HERE, to: str = THERE) -> Command:
    """The command of this name, with these arguments and with the ids of the VM and hosts that it names."""
    kind = COMMANDS[name]
    values: dict[str, Any] = {"vm": vm, "host": host, "to": to, **arguments}
    return kind(**{name: value for name, value in values.items() if name in kind.__slots__})


def line_of(command: Command) -> dict[str, Any]:
    """A command as a line of a script."""
    line: dict[str, Any] = {"command": NAMES[type(command)]}
    for name in type(command).__slots__:
        value = getattr(command, name)
        if value is not None:
            line[name] = _script_value(name, value)
    return line


def _script_value(name: str, value: Any) -> Any:
    match value:
        case MemorySetting(mode=Mode.STATIC):
            return {"static": {"size": format_typed(value.startup)}}
        case MemorySetting():
            names = ("minimum", "startup", "maximum", "buffer", "weight")
            return {"dynamic": {part: _script_value(part, getattr(value, part)) for part in names}}
        case ConfigVersion():
            return str(value)
        case StrEnum():
            return value.value
        case int() if not is_count(name):
            return format_typed(value)
        case _:
            return value
