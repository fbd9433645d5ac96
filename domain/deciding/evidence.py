"""Evidence: what a decision read, recorded in its event so that the event can be judged alone."""

from __future__ import annotations

from domain import commands
from domain.aggregates import HostAggregate
from domain.commands import Command, HostCommand
from domain.events import Argument, Evidence, HostRead, VmRead
from domain.recording.vms.records import VmRecording
from domain.settings import ConfigVersion, MemorySetting
from domain.shapes import write_memory
from domain.state import Host


def evidence_of(recorded: VmRecording, host: HostAggregate, destination: HostAggregate | None) -> Evidence:
    """What a command on a VM read of it, of its host, and of the host that it moves to."""
    state, moves_to = recorded.read.vm, None
    if destination is not None:
        free, limit = recorded.destination_free, recorded.destination_cap
        moves_to = host_read(destination, recorded.read_destination, free, limit)
    return Evidence(  # these three by position: every decision has them
        host_read(host, recorded.read.host, recorded.free, recorded.cap),
        moves_to,
        VmRead(
            state.generation,
            state.guest,
            str(state.config_version),
            state.memory,
            state.in_use_reported,
            state.vsc,
        ),
    )


def host_read(host: HostAggregate, read: Host, free: int, cap: int) -> HostRead:
    """What was read of a host, with its id and the version of its stream."""
    return HostRead(  # by position, as in ``evidence_of``
        host.id,
        host.version,
        read.version,
        read.total,
        read.reserve,
        read.held,
        free,
        cap,
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
