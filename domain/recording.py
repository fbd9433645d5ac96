"""What a command on a VM records: one rule a command gives the decision, the event and its figures, and who is written.

The prover reads these rules, and the decider calls them. ``domain.deciding.vms`` only turns their result into events
with ids. A command that is refused records a refusal; every other records the event of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.changes import vm_figures
from domain.decision import Code, Decision, Outcome, accepted, rejected
from domain.events import VmFigures
from domain.evolve import (
    book_change,
    booted,
    granted_to_vm,
    guest_configured,
    in_use_told,
    memory_added,
    memory_configured,
    memory_removed,
    paused,
    returned_by_vm,
    running_again,
    saved,
    stopped,
    unchanged,
)
from domain.guests import Guest
from domain.lifecycle import (
    configure_guest,
    configure_memory,
    move_vm,
    pause,
    reboot_guest,
    remove_vm,
    report_in_use,
    restore,
    resume,
    save,
    start,
    stop,
)
from domain.record import fast_init
from domain.resizing import Resize, add_memory, grow, reclaim, remove_memory, set_memory, set_memory_refusal
from domain.rule import rule
from domain.settings import ConfigVersion, MemorySetting, Mode, cap
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


@rule
def record(site: Site, asked: Asked, decision: Decision, event: VmEventKind, after: Vm) -> VmRecording:
    """What a command records that takes effect, and changes no host but the VM's own."""
    vm = site.vm
    host = site.host
    change = book_change(vm, after)
    gives = change > 0
    gets_back = change < 0
    bytes = change if gives else -change
    free = host.free
    limit = site.limit
    return VmRecording(  # by position, in the order of its fields: names cost a tenth of a decision
        decision,
        asked,
        event,
        after,
        vm_figures(vm),
        vm_figures(after),
        True,
        gives,
        gets_back,
        False,
        bytes,
        host_after(host, gives, gets_back, bytes),
        host,
        site,
        free,
        limit,
        host,
        free,
        limit,
    )


@rule
def host_after(host: Host, gives: bool, gets_back: bool, bytes: int) -> Host:
    """The host of a VM that is given memory, or gives it back."""
    if gives:
        return granted_to_vm(host, bytes)
    return returned_by_vm(host, bytes) if gets_back else host


@rule
def refuse(site: Site, asked: Asked, decision: Decision) -> VmRecording:
    """A command that is refused records that on the VM's stream, and changes nothing."""
    return unchanged_record(site, site.host, asked, decision, VmEventKind.COMMAND_REFUSED)


@rule
def unchanged_record(
    site: Site, destination: Host, asked: Asked, decision: Decision, event: VmEventKind
) -> VmRecording:
    """A record of a command that changes neither the VM nor a host."""
    vm = site.vm
    host = site.host
    figures = vm_figures(vm)
    return VmRecording(  # by position, as in ``record``
        decision,
        asked,
        event,
        vm,
        figures,
        figures,
        event is not VmEventKind.NOTHING,
        False,
        False,
        False,
        0,
        host,
        destination,
        site,
        host.free,
        site.limit,
        destination,
        destination.free,
        cap(vm.generation, destination.version),
    )


@rule
def ask(command: VmCommandName) -> Asked:
    """A command that names no amount."""
    return Asked(command, False, 0, False, 0)  # by position, as in ``record``


@rule
def ask_amount(command: VmCommandName, amount: int) -> Asked:
    """A command that names an amount."""
    return Asked(command, True, amount, False, 0)  # by position, as in ``record``


# The life of a VM


@rule
def configure(site: Site, asked: Asked, memory: MemorySetting) -> VmRecording:
    """A new setting is decided and recorded, whichever command asks for it."""
    decision = configure_memory(site, memory)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.MEMORY_CONFIGURED, memory_configured(site.vm, memory))


@rule
def record_configure_memory(site: Site, memory: MemorySetting) -> VmRecording:
    """The new setting."""
    return configure(site, ask(VmCommandName.CONFIGURE_MEMORY), memory)


@rule
def record_configure_guest(site: Site, guest: Guest, config_version: ConfigVersion) -> VmRecording:
    """The new guest and configuration version."""
    asked = ask(VmCommandName.CONFIGURE_GUEST)
    decision = configure_guest(site, guest, config_version)
    if not accepted(decision):
        return refuse(site, asked, decision)
    after = guest_configured(site.vm, guest, config_version)
    return record(site, asked, decision, VmEventKind.GUEST_CONFIGURED, after)


@rule
def record_report_in_use(site: Site, in_use: int) -> VmRecording:
    """What the guest reported."""
    asked = ask(VmCommandName.REPORT_IN_USE)
    decision = report_in_use(site, in_use)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.IN_USE_REPORTED, in_use_told(site.vm, in_use))


@rule
def record_start(site: Site) -> VmRecording:
    """The guest boots."""
    asked = ask(VmCommandName.START)
    decision = start(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.STARTED, booted(site.vm))


@rule
def record_stop(site: Site) -> VmRecording:
    """The VM is off."""
    asked = ask(VmCommandName.STOP)
    decision = stop(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.STOPPED, stopped(site.vm))


@rule
def record_pause(site: Site) -> VmRecording:
    """The VM stands still."""
    asked = ask(VmCommandName.PAUSE)
    decision = pause(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.PAUSED, paused(site.vm))


@rule
def record_resume(site: Site) -> VmRecording:
    """The VM runs on."""
    asked = ask(VmCommandName.RESUME)
    decision = resume(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.RESUMED, running_again(site.vm))


@rule
def record_save(site: Site) -> VmRecording:
    """The VM is saved."""
    asked = ask(VmCommandName.SAVE)
    decision = save(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.SAVED, saved(site.vm))


@rule
def record_restore(site: Site) -> VmRecording:
    """The VM runs on from its image."""
    asked = ask(VmCommandName.RESTORE)
    decision = restore(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.RESTORED, running_again(site.vm))


@rule
def record_reboot_guest(site: Site) -> VmRecording:
    """The guest boots again."""
    asked = ask(VmCommandName.REBOOT_GUEST)
    decision = reboot_guest(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.REBOOTED, booted(site.vm))


@rule
def record_remove_vm(site: Site) -> VmRecording:
    """The VM is gone; its last figures stay in its history."""
    asked = ask(VmCommandName.REMOVE_VM)
    decision = remove_vm(site)
    if not accepted(decision):
        return refuse(site, asked, decision)
    return record(site, asked, decision, VmEventKind.REMOVED, unchanged(site.vm))


@rule
def record_move_vm(site: Site, destination: Host, same_host: bool) -> VmRecording:
    """The VM takes what it holds from one host's account to the other's."""
    vm = site.vm
    asked = ask(VmCommandName.MOVE_VM)
    decision = move_vm(site, destination, same_host)
    if not accepted(decision):
        return unchanged_record(site, destination, asked, decision, VmEventKind.COMMAND_REFUSED)
    figures = vm_figures(vm)
    return VmRecording(
        decision=decision,
        asked=asked,
        event=VmEventKind.MOVED,
        after=unchanged(vm),
        before_figures=figures,
        after_figures=figures,
        vm_written=True,
        host_gives=False,
        host_gets_back=True,
        destination_gives=True,
        bytes=vm.held,
        host=returned_by_vm(site.host, vm.held),
        destination=granted_to_vm(destination, vm.held),
        read=site,
        free=site.host.free,
        cap=site.limit,
        read_destination=destination,
        destination_free=destination.free,
        destination_cap=cap(vm.generation, destination.version),
    )


# Memory given and taken


@rule
def give_memory(site: Site, asked: Asked, decision: Decision) -> VmRecording:
    """Memory is given, as decided."""
    if not accepted(decision):
        return refuse(site, asked, decision)
    after = memory_added(site.vm, decision.hot_added, decision.unballooned)
    return record(site, asked, decision, VmEventKind.MEMORY_ADDED, after)


@rule
def take_memory(site: Site, asked: Asked, decision: Decision) -> VmRecording:
    """Memory is taken, as decided."""
    if not accepted(decision):
        return refuse(site, asked, decision)
    after = memory_removed(site.vm, decision.granted, decision.paged)
    return record(site, asked, decision, VmEventKind.MEMORY_REMOVED, after)


@rule
def record_add_memory(site: Site, amount: int) -> VmRecording:
    """What a static VM is given."""
    return give_memory(site, ask_amount(VmCommandName.ADD_MEMORY, amount), add_memory(site, amount))


@rule
def record_remove_memory(site: Site, amount: int) -> VmRecording:
    """What is taken from a static VM."""
    return take_memory(site, ask_amount(VmCommandName.REMOVE_MEMORY, amount), remove_memory(site, amount))


@rule
def record_grow(site: Site, amount: int) -> VmRecording:
    """What Dynamic Memory gives."""
    return give_memory(site, ask_amount(VmCommandName.GROW, amount), grow(site, amount))


@rule
def record_reclaim(site: Site, amount: int) -> VmRecording:
    """What Dynamic Memory takes."""
    return take_memory(site, ask_amount(VmCommandName.RECLAIM, amount), reclaim(site, amount))


# set-memory


@rule
def ask_size(command: VmCommandName, size: int) -> Asked:
    """A size is requested, and comes to a command that names no amount."""
    return Asked(command=command, has_amount=False, amount=0, has_size=True, size=size)


@rule
def ask_size_as_amount(command: VmCommandName, amount: int, size: int) -> Asked:
    """A size is requested, and comes to a command that names an amount."""
    return Asked(command=command, has_amount=True, amount=amount, has_size=True, size=size)


@rule
def static_setting(size: int) -> MemorySetting:
    """The setting of a VM that an administrator sizes."""
    return MemorySetting(mode=Mode.STATIC, startup=size, minimum=0, maximum=0, buffer=0, weight=0)


@rule
def nothing_to_do() -> Decision:
    """All of nothing is granted."""
    return Decision(outcome=Outcome.COMPLETED, code=Code.NONE, granted=0, hot_added=0, unballooned=0, paged=0)


@rule
def has_its_size(site: Site, size: int) -> VmRecording:
    """The VM has the size already: nothing is recorded."""
    asked = ask_size_as_amount(VmCommandName.SET_MEMORY, 0, size)
    return unchanged_record(site, site.host, asked, nothing_to_do(), VmEventKind.NOTHING)


@rule
def record_set_memory(site: Site, size: int) -> VmRecording:
    """A size comes to a new setting, to the memory that is missing or too much, or to nothing."""
    vm = site.vm
    resize = set_memory(vm, size)
    more = size - vm.assigned
    refusal = set_memory_refusal(vm)
    if refusal is not Code.NONE:
        distance = more if more > 0 else -more
        as_amount = ask_size_as_amount(VmCommandName.SET_MEMORY, distance, size)
        asked = ask_size(VmCommandName.SET_MEMORY, size) if resize is Resize.CONFIGURE else as_amount
        return refuse(site, asked, rejected(refusal))
    if resize is Resize.CONFIGURE:
        return configure(site, ask_size(VmCommandName.CONFIGURE_MEMORY, size), static_setting(size))
    if resize is Resize.ADD:
        return give_memory(site, ask_size_as_amount(VmCommandName.ADD_MEMORY, more, size), add_memory(site, more))
    if resize is Resize.REMOVE:
        asked_less = ask_size_as_amount(VmCommandName.REMOVE_MEMORY, -more, size)
        return take_memory(site, asked_less, remove_memory(site, -more))
    return has_its_size(site, size)
