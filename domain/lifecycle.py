"""The life of a VM: defined, configured, started, stopped, paused, saved, moved, removed."""

from __future__ import annotations

from domain.decision import Code, Decision, done, failed, refused_or_done, rejected
from domain.guests import Guest
from domain.rule import rule
from domain.settings import ConfigVersion, MemorySetting, Mode, at_least, cap, valid_setting
from domain.state import Host, Power, Site, Vm


@rule
def power_is(vm: Vm, power: Power) -> Decision:
    """A command that only asks for one power state."""
    return refused_or_done(Code.NONE if vm.power is power else Code.WRONG_POWER_STATE)


@rule
def define_vm(host: Host, generation: int, memory: MemorySetting) -> Decision:
    """A VM can be defined if its memory setting is valid for its generation on this host."""
    valid = valid_setting(memory, cap(generation, host.version))
    return refused_or_done(Code.NONE if valid else Code.INVALID_SETTING)


@rule
def loosens_only(before: MemorySetting, after: MemorySetting) -> bool:
    """While a VM is not off, its maximum may only rise and its minimum only fall; mode and startup stay."""
    return (
        after.mode is before.mode
        and after.startup == before.startup
        and after.maximum >= before.maximum
        and after.minimum <= before.minimum
    )


@rule
def configure_memory(site: Site, memory: MemorySetting) -> Decision:
    """The memory setting can be changed freely while off; a dynamic VM that is not off can only be loosened."""
    vm = site.vm
    if not valid_setting(memory, site.limit):
        return rejected(Code.INVALID_SETTING)
    if vm.power is Power.OFF:
        return done()
    if vm.memory.mode is Mode.STATIC:
        return rejected(Code.STATIC_WHILE_RUNNING)
    if not loosens_only(vm.memory, memory):
        return rejected(Code.NOT_WHILE_RUNNING)
    return done()


@rule
def configure_guest(site: Site, guest: Guest, config_version: ConfigVersion) -> Decision:
    """Guest and configuration version can be changed while off; a configuration version is never lowered."""
    if site.vm.power is not Power.OFF:
        return rejected(Code.WRONG_POWER_STATE)
    if not at_least(config_version, site.vm.config_version):
        return rejected(Code.INVALID_SETTING)
    return done()


@rule
def start(site: Site) -> Decision:
    """A VM that is off starts if its host has its startup memory free."""
    if site.vm.power is not Power.OFF:
        return rejected(Code.WRONG_POWER_STATE)
    if site.host.free < site.vm.memory.startup:
        return failed(Code.INSUFFICIENT_HOST_MEMORY)
    return done()


@rule
def stop(site: Site) -> Decision:
    """Any VM that is not off can be stopped."""
    return refused_or_done(Code.WRONG_POWER_STATE if site.vm.power is Power.OFF else Code.NONE)


@rule
def pause(site: Site) -> Decision:
    """A running VM can be paused: it keeps its memory."""
    return power_is(site.vm, Power.RUNNING)


@rule
def resume(site: Site) -> Decision:
    """A paused VM can be resumed."""
    return power_is(site.vm, Power.PAUSED)


@rule
def save(site: Site) -> Decision:
    """A running or paused VM can be saved: the host gets its memory back, the figures stay in the image."""
    fits = site.vm.power is Power.RUNNING or site.vm.power is Power.PAUSED
    return refused_or_done(Code.NONE if fits else Code.WRONG_POWER_STATE)


@rule
def restore(site: Site) -> Decision:
    """A saved VM is restored if its host has free what it was assigned."""
    if site.vm.power is not Power.SAVED:
        return rejected(Code.WRONG_POWER_STATE)
    if site.host.free < site.vm.assigned:
        return failed(Code.INSUFFICIENT_HOST_MEMORY)
    return done()


@rule
def reboot_guest(site: Site) -> Decision:
    """A guest reboots back to its startup memory, if its host has free what that needs more than it has now."""
    if site.vm.power is not Power.RUNNING:
        return rejected(Code.WRONG_POWER_STATE)
    if site.host.free < site.vm.memory.startup - site.vm.assigned:
        return failed(Code.INSUFFICIENT_HOST_MEMORY)
    return done()


@rule
def report_in_use(site: Site, in_use: int) -> Decision:
    """A running guest says what its processes hold: it cannot be more than is assigned."""
    if site.vm.power is not Power.RUNNING:
        return rejected(Code.WRONG_POWER_STATE)
    if in_use > site.vm.assigned:
        return rejected(Code.IMPLAUSIBLE)
    return done()


@rule
def move_vm(site: Site, destination: Host, same_host: bool) -> Decision:
    """A VM moves to another host that can have it as it is, and has free what it holds."""
    vm = site.vm
    limit = cap(vm.generation, destination.version)
    if same_host:
        return rejected(Code.SAME_HOST)
    if not (valid_setting(vm.memory, limit) and vm.high_watermark <= limit):
        return rejected(Code.INVALID_SETTING)
    if destination.free < vm.held:
        return failed(Code.INSUFFICIENT_HOST_MEMORY)
    return done()


@rule
def remove_vm(site: Site) -> Decision:
    """A VM that is off can be removed; its history stays."""
    return power_is(site.vm, Power.OFF)
