"""What the life of a VM records: settings, start and stop, pause and save, moves, and its end. One rule a command."""

from __future__ import annotations

from domain.changes import vm_figures
from domain.decision import accepted
from domain.evolve import (
    booted,
    granted_to_vm,
    guest_configured,
    in_use_told,
    memory_configured,
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
from domain.recording.vms.outcomes import record, refuse, unchanged_record
from domain.recording.vms.records import Asked, VmCommandName, VmEventKind, VmRecording
from domain.recording.vms.requests import ask
from domain.rule import rule
from domain.settings import ConfigVersion, MemorySetting, cap
from domain.state import Host, Site


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
