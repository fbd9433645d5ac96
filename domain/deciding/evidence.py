"""Evidence: what a decision read, recorded in its event so that the event can be judged alone."""

from __future__ import annotations

from domain import commands
from domain.aggregates import HostAggregate
from domain.commands import Command, HostCommand
from domain.events import Argument, Evidence, HostRead, VmRead
from domain.recording import HostAsRead, VmRecording
from domain.settings import ConfigVersion, MemorySetting
from domain.shapes import write_memory


def evidence_of(recorded: VmRecording, host: HostAggregate, destination: HostAggregate | None) -> Evidence:
    """What a command on a VM read of it, of its host, and of the host that it moves to."""
    state = recorded.read
    return Evidence(
        host=host_read(host, recorded.host_read),
        destination=None if destination is None else host_read(destination, recorded.destination_read),
        vm=VmRead(
            generation=state.generation,
            guest=state.guest,
            config_version=str(state.config_version),
            memory=state.memory,
            in_use_reported=state.in_use_reported,
            vsc=state.vsc,
        ),
    )


def host_read(host: HostAggregate, read: HostAsRead) -> HostRead:
    """What was read of a host, with its id and the version of its stream."""
    return HostRead(
        id=host.id,
        stream_version=host.version,
        version=read.version,
        total=read.total,
        reserve=read.reserve,
        held=read.held,
        free=read.free,
        cap=read.cap,
    )


def arguments(command: Command) -> dict[str, Argument]:
    """A refused command's arguments as in a script line, sizes in bytes, keys sorted.

    The VM or host on whose stream the refusal stands is left out; for ``define-vm`` that is the host.
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
