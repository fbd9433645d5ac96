"""What a command on a host records, and what ``define-vm`` does: one rule a command, as in ``domain.recording``.

The prover reads these rules, and the decider calls them. ``domain.deciding.hosts`` only turns their result into events
with ids. A command that is refused records a refusal on the host's stream; only a registration that is refused does
not, as there is no such stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.changes import host_figures, vm_figures
from domain.decision import Decision, accepted
from domain.events import HostFigures, VmFigures
from domain.evolve import host_registered, host_resized, host_unchanged, reserve_set, vm_defined
from domain.guests import Guest
from domain.hosts import register_host, remove_host, resize_host, set_reserve
from domain.lifecycle import define_vm
from domain.record import fast_init
from domain.rule import rule
from domain.settings import ConfigVersion, HostVersion, MemorySetting, cap
from domain.state import Host, Vm


class HostCommandName(StrEnum):
    """A command on a host, by the name that its event records."""

    REGISTER_HOST = "register-host"
    RESIZE_HOST = "resize-host"
    SET_RESERVE = "set-reserve"
    REMOVE_HOST = "remove-host"


class HostEventKind(StrEnum):
    """The event of a command on the host's stream, by its stored name."""

    NOTHING = "nothing"
    """No event: no figure changes, or there is no host."""
    COMMAND_REFUSED = "host.command-refused"
    REGISTERED = "host.registered"
    RESIZED = "host.resized"
    RESERVE_SET = "host.reserve-set"
    REMOVED = "host.removed"


@fast_init
@dataclass(frozen=True, slots=True)
class HostRecording:
    """What a command on a host records, and what was read for it."""

    command: HostCommandName
    decision: Decision
    event: HostEventKind
    written: bool
    """Whether the host's stream gets an event."""
    after: Host
    """The host after the command; a new total, reserve or release stands in its event too."""
    has_before: bool
    """Whether there was a host before the command."""
    before_figures: HostFigures
    after_figures: HostFigures
    reads_vms: bool
    """Whether the command reads how many VMs are on the host."""
    vms: int


@fast_init
@dataclass(frozen=True, slots=True)
class DefinitionRecording:
    """What ``define-vm`` records, and what was read for it."""

    decision: Decision
    defined: Vm
    """The VM, if it is defined: off, and without memory."""
    defined_figures: VmFigures
    vm_written: bool
    """Whether the stream of the VM begins."""
    host_written: bool
    """Whether the stream of its host gets a refusal."""
    host_figures: HostFigures
    """The host's figures before a refusal, and after it."""
    read: Host
    free: int
    """What the host had free before the command."""
    cap: int
    """The most memory that the VM can have on the host."""


# Hosts


@rule
def record_register_host(total: int, reserve: int, version: HostVersion) -> HostRecording:
    """The host begins; if it is refused, nothing does."""
    decision = register_host(total, reserve)
    begins = accepted(decision)
    after = host_registered(total, reserve, version)
    figures = host_figures(after)
    return HostRecording(
        command=HostCommandName.REGISTER_HOST,
        decision=decision,
        event=HostEventKind.REGISTERED if begins else HostEventKind.NOTHING,
        written=begins,
        after=after,
        has_before=False,
        before_figures=figures,
        after_figures=figures,
        reads_vms=False,
        vms=0,
    )


@rule
def record_on_host(
    host: Host, command: HostCommandName, decision: Decision, event: HostEventKind, accepted_host: Host
) -> HostRecording:
    """What a command that changes a figure of a host records. ``accepted_host`` is the host if it is accepted."""
    takes_place = accepted(decision)
    after = accepted_host if takes_place else host_unchanged(host)
    same = after.total == host.total and after.reserve == host.reserve
    kind = event if takes_place else HostEventKind.COMMAND_REFUSED
    is_nothing = takes_place and same
    return HostRecording(
        command=command,
        decision=decision,
        event=HostEventKind.NOTHING if is_nothing else kind,
        written=not is_nothing,
        after=after,
        has_before=True,
        before_figures=host_figures(host),
        after_figures=host_figures(after),
        reads_vms=False,
        vms=0,
    )


@rule
def record_resize_host(host: Host, total: int) -> HostRecording:
    """The host has another total; if it has that already, nothing is recorded."""
    after = host_resized(host, total)
    return record_on_host(host, HostCommandName.RESIZE_HOST, resize_host(host, total), HostEventKind.RESIZED, after)


@rule
def record_set_reserve(host: Host, reserve: int) -> HostRecording:
    """The root partition keeps another reserve; if it keeps that already, nothing is recorded."""
    after = reserve_set(host, reserve)
    return record_on_host(
        host, HostCommandName.SET_RESERVE, set_reserve(host, reserve), HostEventKind.RESERVE_SET, after
    )


@rule
def record_remove_host(host: Host, vms: int) -> HostRecording:
    """The host is gone; its last figures stay in its history, with how many VMs were on it."""
    decision = remove_host(vms)
    figures = host_figures(host)
    return HostRecording(
        command=HostCommandName.REMOVE_HOST,
        decision=decision,
        event=HostEventKind.REMOVED if accepted(decision) else HostEventKind.COMMAND_REFUSED,
        written=True,
        after=host_unchanged(host),
        has_before=True,
        before_figures=figures,
        after_figures=figures,
        reads_vms=True,
        vms=vms,
    )


# New VMs


@rule
def record_define_vm(
    host: Host, generation: int, guest: Guest, config_version: ConfigVersion, memory: MemorySetting
) -> DefinitionRecording:
    """The VM begins on its own stream; if it is refused, that stands on its host's."""
    decision = define_vm(host, generation, memory)
    defined = vm_defined(generation, guest, config_version, memory)
    begins = accepted(decision)
    return DefinitionRecording(
        decision=decision,
        defined=defined,
        defined_figures=vm_figures(defined),
        vm_written=begins,
        host_written=not begins,
        host_figures=host_figures(host),
        read=host,
        free=host.free,
        cap=cap(generation, host.version),
    )
