"""What each event changes: one rule an event, used alike when a command is decided, replayed and proved.

The first argument is the state before, the others are figures that the event carries, by their own names.
"""

from __future__ import annotations

from domain.guests import Guest, Mechanism
from domain.replacing import replace
from domain.rule import rule
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode, loads_driver
from domain.state import Group, Host, Power, Vm

# VM stream


@rule
def vm_defined(generation: int, guest: Guest, config_version: ConfigVersion, memory: MemorySetting) -> Vm:
    """A new VM is off and has nothing."""
    return Vm(
        generation=generation,
        guest=guest,
        config_version=config_version,
        memory=memory,
        power=Power.OFF,
        session=0,
        assigned=0,
        ballooned=0,
        in_use=0,
        in_use_reported=False,
        paged_out=0,
        high_watermark=0,
        vsc=False,
        hot_pluggable=0,
    )


@rule
def memory_configured(vm: Vm, memory: MemorySetting) -> Vm:
    """The setting changes; what is assigned does not."""
    return replace(vm, memory=memory)


@rule
def guest_configured(vm: Vm, guest: Guest, config_version: ConfigVersion) -> Vm:
    """The VM will start as another guest."""
    return replace(vm, guest=guest, config_version=config_version)


@rule
def booted(vm: Vm) -> Vm:
    """A guest that starts, or starts again, has its startup memory and an empty balloon, and has reported nothing."""
    startup = vm.memory.startup
    return replace(
        vm,
        power=Power.RUNNING,
        session=vm.session + 1,
        assigned=startup,
        ballooned=0,
        in_use=0,
        in_use_reported=False,
        paged_out=0,
        high_watermark=startup,
        vsc=loads_driver(vm.guest, vm.memory.mode),
        hot_pluggable=startup if vm.guest is Guest.WINDOWS else 0,
    )


@rule
def stopped(vm: Vm) -> Vm:
    """A VM that is off has no memory; its session number stays."""
    return replace(
        vm,
        power=Power.OFF,
        assigned=0,
        ballooned=0,
        in_use=0,
        in_use_reported=False,
        paged_out=0,
        high_watermark=0,
        vsc=False,
        hot_pluggable=0,
    )


@rule
def paused(vm: Vm) -> Vm:
    """A paused VM stands still with all its memory."""
    return replace(vm, power=Power.PAUSED)


@rule
def running_again(vm: Vm) -> Vm:
    """A VM that is resumed or restored runs on as it was."""
    return replace(vm, power=Power.RUNNING)


@rule
def saved(vm: Vm) -> Vm:
    """A saved VM's figures stay as they are in the image."""
    return replace(vm, power=Power.SAVED)


@rule
def in_use_told(vm: Vm, in_use: int) -> Vm:
    """The guest has said what its processes hold."""
    return replace(vm, in_use=in_use, in_use_reported=True)


@rule
def startup_follows(vm: Vm, assigned: int) -> MemorySetting:
    """A static VM's startup becomes what it is assigned, so that a restart keeps it."""
    return replace(vm.memory, startup=assigned) if vm.memory.mode is Mode.STATIC else vm.memory


@rule
def memory_added(vm: Vm, hot_added: int, unballooned: int) -> Vm:
    """The balloon lets go of a part, the rest is new to the guest; the watermark rises if this is the most so far."""
    assigned = vm.assigned + hot_added + unballooned
    return replace(
        vm,
        memory=startup_follows(vm, assigned),
        assigned=assigned,
        ballooned=vm.ballooned - unballooned,
        high_watermark=max(vm.high_watermark, assigned),
        hot_pluggable=assigned if vm.guest is Guest.WINDOWS else vm.hot_pluggable,
    )


@rule
def memory_removed(vm: Vm, granted: int, paged: int) -> Vm:
    """A hot-removed guest loses it, a ballooned one lends it; what had to be paged out is no longer in use."""
    assigned = vm.assigned - granted
    lent = vm.mechanism is Mechanism.BALLOON or vm.mechanism is Mechanism.BALLOON_ADJUSTED
    return replace(
        vm,
        memory=startup_follows(vm, assigned),
        assigned=assigned,
        ballooned=vm.ballooned + granted if lent else vm.ballooned,
        in_use=vm.in_use - paged,
        paged_out=vm.paged_out + paged,
        hot_pluggable=assigned if vm.guest is Guest.WINDOWS else vm.hot_pluggable,
    )


@rule
def unchanged(vm: Vm) -> Vm:
    """A VM that moved, was removed, or whose command was refused, has the figures that it had."""
    return vm


# Host stream


@rule
def host_registered(total: int, reserve: int, version: HostVersion) -> Host:
    """A new host whose VMs hold nothing."""
    return Host(total=total, reserve=reserve, version=version, held=0)


@rule
def host_resized(host: Host, total: int) -> Host:
    """The host has more memory, or less."""
    return replace(host, total=total)


@rule
def reserve_set(host: Host, reserve: int) -> Host:
    """The root partition keeps more, or less."""
    return replace(host, reserve=reserve)


@rule
def granted_to_vm(host: Host, bytes: int) -> Host:
    """What a VM was given is no longer free."""
    return replace(host, held=host.held + bytes)


@rule
def returned_by_vm(host: Host, bytes: int) -> Host:
    """What a VM gave back is free again."""
    return replace(host, held=host.held - bytes)


@rule
def host_unchanged(host: Host) -> Host:
    """A host whose command was refused, or that was removed, has the figures that it had."""
    return host


@rule
def entry_granted(entry: int, bytes: int) -> int:
    """The host's book entry for a VM that was given memory."""
    return entry + bytes


@rule
def entry_returned(entry: int, bytes: int) -> int:
    """The host's book entry for a VM that gave memory back."""
    return entry - bytes


@rule
def book_change(before: Vm, after: Vm) -> int:
    """What a change of a VM changes in its host's book: granted if positive, returned if negative."""
    return after.held - before.held


@rule
def group_changed(group: Group, change: int) -> Group:
    """The VMs of a group hold together what one of them was given, and no longer what it gave back."""
    return replace(group, held=group.held + change)
