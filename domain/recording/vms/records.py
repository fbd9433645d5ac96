"""What a command on a VM records: command, event, what was requested, figures, who is written, and what was read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.decision import Decision
from domain.events import VmFigures
from domain.record import fast_init
from domain.state import Host, Site, Vm


class VmCommandName(StrEnum):
    """A command on a VM, by the name that its event records."""

    CONFIGURE_MEMORY = "configure-memory"
    CONFIGURE_GUEST = "configure-guest"
    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    SAVE = "save"
    RESTORE = "restore"
    REBOOT_GUEST = "reboot-guest"
    REPORT_IN_USE = "report-in-use"
    ADD_MEMORY = "add-memory"
    REMOVE_MEMORY = "remove-memory"
    SET_MEMORY = "set-memory"
    GROW = "grow"
    RECLAIM = "reclaim"
    MOVE_VM = "move-vm"
    REMOVE_VM = "remove-vm"


VM_COMMAND_NAMES: Final = frozenset(VmCommandName)
"""The names of commands on a VM that is there. A history that somebody changed may say any other."""


class VmEventKind(StrEnum):
    """The event on the VM's stream, by its stored name."""

    NOTHING = "nothing"
    """No event: there was nothing to do."""
    COMMAND_REFUSED = "vm.command-refused"
    MEMORY_CONFIGURED = "vm.memory-configured"
    GUEST_CONFIGURED = "vm.guest-configured"
    STARTED = "vm.started"
    STOPPED = "vm.stopped"
    PAUSED = "vm.paused"
    RESUMED = "vm.resumed"
    SAVED = "vm.saved"
    RESTORED = "vm.restored"
    REBOOTED = "vm.rebooted"
    IN_USE_REPORTED = "vm.in-use-reported"
    MEMORY_ADDED = "vm.memory-added"
    MEMORY_REMOVED = "vm.memory-removed"
    MOVED = "vm.moved"
    REMOVED = "vm.removed"


@fast_init
@dataclass(frozen=True, slots=True)
class Asked:
    """What the event says was requested. Sizes are bytes; those that were not requested are 0."""

    command: VmCommandName
    """The command that is recorded: ``set-memory`` becomes another."""
    has_amount: bool
    amount: int
    has_size: bool
    size: int
    """The size that ``set-memory`` requested."""


@fast_init
@dataclass(frozen=True, slots=True)
class VmRecording:
    """What a command on a VM records, and what was read for it."""

    decision: Decision
    asked: Asked
    event: VmEventKind
    after: Vm
    """The VM after the command; a new setting, guest or report stands in its event too."""
    before_figures: VmFigures
    after_figures: VmFigures
    vm_written: bool
    """Whether the VM's stream gets an event."""
    host_gives: bool
    """Whether the stream of the VM's host records that memory was granted."""
    host_gets_back: bool
    """Whether the stream of the VM's host records that memory was returned."""
    destination_gives: bool
    """Whether the stream of the host that the VM moves to records that memory was granted."""
    bytes: int
    """How much was granted or returned on the hosts' streams."""
    host: Host
    """The VM's host after the command; of ``move-vm``, the host that the VM leaves."""
    destination: Host
    """The host that the VM moves to, after the command; of every other command, the VM's host before it."""
    read: Site
    free: int
    """What the VM's host had free before the command."""
    cap: int
    """The most memory that the VM can have on its host."""
    read_destination: Host
    """The host that the VM moves to, before the command; of every other command, the VM's host."""
    destination_free: int
    destination_cap: int
