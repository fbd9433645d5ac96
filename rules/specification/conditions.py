"""Why a command is rejected: for each row of the memory model's table, the first condition that fails."""

from __future__ import annotations

from domain.decision import Code
from domain.guests import Guest
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.state import Host, Power, Site, Vm
from rules.specification.figures import (
    FLOOR,
    QUANTUM,
    free_on,
    held_by,
    is_valid,
    largest,
    largest_here,
)
from rules.specification.predicate import predicate


@predicate
def asks_for_whole_quanta(amount: int) -> bool:
    """Whether an amount can be requested: it is a positive multiple of 2 MiB."""
    return amount >= QUANTUM and amount % QUANTUM == 0


@predicate
def is_older(version: ConfigVersion, than: ConfigVersion) -> bool:
    """Whether a configuration version is lower than another."""
    return version.major < than.major or (version.major == than.major and version.minor < than.minor)


@predicate
def why_not_resized(vm: Vm, amount: int) -> Code:
    """Why a VM cannot be resized while it runs; ``NONE`` if it can."""
    if vm.power is Power.OFF or vm.power is Power.PAUSED or vm.power is Power.SAVED:
        return Code.WRONG_POWER_STATE
    if vm.memory.mode is Mode.DYNAMIC:
        return Code.DYNAMIC_MEMORY_ENABLED
    if not vm.vsc or vm.guest is Guest.WINDOWS_LEGACY or vm.guest is Guest.UNENLIGHTENED:
        return Code.GUEST_CANNOT_RESIZE
    if vm.config_version.major < 6 or (vm.config_version.major == 6 and vm.config_version.minor < 2):
        return Code.CONFIGURATION_VERSION
    return Code.NONE if asks_for_whole_quanta(amount) else Code.INVALID_AMOUNT


@predicate
def why_not_balanced(vm: Vm, amount: int) -> Code:
    """Why Dynamic Memory cannot move a VM's memory; ``NONE`` if it can."""
    if vm.power is Power.OFF or vm.power is Power.PAUSED or vm.power is Power.SAVED:
        return Code.WRONG_POWER_STATE
    if vm.memory.mode is Mode.STATIC:
        return Code.DYNAMIC_MEMORY_DISABLED
    if not vm.vsc:
        return Code.GUEST_CANNOT_RESIZE
    return Code.NONE if asks_for_whole_quanta(amount) else Code.INVALID_AMOUNT


@predicate
def why_not_add_memory(site: Site, amount: int) -> Code:
    """Why ``add-memory`` is rejected."""
    return why_not_resized(site.vm, amount)


@predicate
def why_not_remove_memory(site: Site, amount: int) -> Code:
    """Why ``remove-memory`` is rejected."""
    reason = why_not_resized(site.vm, amount)
    if reason is Code.NONE and not site.vm.in_use_reported:
        return Code.IN_USE_NOT_REPORTED
    return reason


@predicate
def why_not_grow(site: Site, amount: int) -> Code:
    """Why ``grow`` is rejected."""
    return why_not_balanced(site.vm, amount)


@predicate
def why_not_reclaim(site: Site, amount: int) -> Code:
    """Why ``reclaim`` is rejected."""
    reason = why_not_balanced(site.vm, amount)
    if reason is Code.NONE and not site.vm.in_use_reported and site.vm.guest is not Guest.WINDOWS_LEGACY:
        return Code.IN_USE_NOT_REPORTED
    return reason


@predicate
def why_not_set_memory(site: Site, size: int) -> Code:
    """Why ``set-memory`` is rejected."""
    vm = site.vm
    if vm.memory.mode is Mode.DYNAMIC:
        return Code.DYNAMIC_MEMORY_ENABLED
    if vm.power is Power.OFF:
        valid = size >= FLOOR and size <= largest_here(site) and size % QUANTUM == 0
        return Code.NONE if valid else Code.INVALID_SETTING
    if size == vm.assigned:
        return Code.NONE
    if size > vm.assigned:
        return why_not_add_memory(site, size - vm.assigned)
    return why_not_remove_memory(site, vm.assigned - size)


@predicate
def why_not_configure_memory(site: Site, memory: MemorySetting) -> Code:
    """Why ``configure-memory`` is rejected."""
    vm = site.vm
    if not is_valid(memory, largest_here(site)):
        return Code.INVALID_SETTING
    if vm.power is Power.OFF:
        return Code.NONE
    if vm.memory.mode is not Mode.DYNAMIC:
        return Code.STATIC_WHILE_RUNNING
    if memory.mode is not Mode.DYNAMIC or memory.startup != vm.memory.startup:
        return Code.NOT_WHILE_RUNNING
    if memory.maximum < vm.memory.maximum or memory.minimum > vm.memory.minimum:
        return Code.NOT_WHILE_RUNNING
    return Code.NONE


@predicate
def why_not_configure_guest(site: Site, config_version: ConfigVersion) -> Code:
    """Why ``configure-guest`` is rejected."""
    if site.vm.power is not Power.OFF:
        return Code.WRONG_POWER_STATE
    return Code.INVALID_SETTING if is_older(config_version, site.vm.config_version) else Code.NONE


@predicate
def unless_power_is(vm: Vm, power: Power) -> Code:
    """Why a command that needs one power state is rejected."""
    return Code.NONE if vm.power is power else Code.WRONG_POWER_STATE


@predicate
def why_not_start(site: Site) -> Code:
    """Why ``start`` is rejected."""
    return unless_power_is(site.vm, Power.OFF)


@predicate
def why_not_stop(site: Site) -> Code:
    """Why ``stop`` is rejected."""
    return Code.WRONG_POWER_STATE if site.vm.power is Power.OFF else Code.NONE


@predicate
def why_not_pause(site: Site) -> Code:
    """Why ``pause`` is rejected."""
    return unless_power_is(site.vm, Power.RUNNING)


@predicate
def why_not_resume(site: Site) -> Code:
    """Why ``resume`` is rejected."""
    return unless_power_is(site.vm, Power.PAUSED)


@predicate
def why_not_save(site: Site) -> Code:
    """Why ``save`` is rejected."""
    off_or_saved = site.vm.power is Power.OFF or site.vm.power is Power.SAVED
    return Code.WRONG_POWER_STATE if off_or_saved else Code.NONE


@predicate
def why_not_restore(site: Site) -> Code:
    """Why ``restore`` is rejected."""
    return unless_power_is(site.vm, Power.SAVED)


@predicate
def why_not_reboot_guest(site: Site) -> Code:
    """Why ``reboot-guest`` is rejected."""
    return unless_power_is(site.vm, Power.RUNNING)


@predicate
def why_not_report_in_use(site: Site, in_use: int) -> Code:
    """Why ``report-in-use`` is rejected."""
    if site.vm.power is not Power.RUNNING:
        return Code.WRONG_POWER_STATE
    return Code.NONE if in_use <= site.vm.assigned else Code.IMPLAUSIBLE


@predicate
def why_not_remove_vm(site: Site) -> Code:
    """Why ``remove-vm`` is rejected."""
    return unless_power_is(site.vm, Power.OFF)


@predicate
def why_not_move_vm(site: Site, destination: Host, same_host: bool) -> Code:
    """Why ``move-vm`` is rejected."""
    limit = largest(site.vm.generation, destination.version)
    if same_host:
        return Code.SAME_HOST
    if not is_valid(site.vm.memory, limit) or site.vm.high_watermark > limit:
        return Code.INVALID_SETTING
    return Code.NONE


# When a command that is not rejected fails: the host does not have the memory


@predicate
def start_is_short(site: Site) -> bool:
    """The host does not have the startup memory of the VM."""
    return site.vm.memory.startup > free_on(site.host)


@predicate
def restore_is_short(site: Site) -> bool:
    """The host does not have the memory that the saved VM had."""
    return site.vm.assigned > free_on(site.host)


@predicate
def reboot_guest_is_short(site: Site) -> bool:
    """The host does not have the startup memory of the VM, beyond what the VM already has."""
    return site.vm.memory.startup > free_on(site.host) + site.vm.assigned


@predicate
def move_vm_is_short(site: Site, destination: Host) -> bool:
    """The destination does not have the memory that the VM holds."""
    return held_by(site.vm) > free_on(destination)


# Hosts, and new VMs


@predicate
def why_not_register_host(total: int, reserve: int) -> Code:
    """Why ``register-host`` is rejected."""
    return Code.INVALID_SETTING if total < 1 or reserve > total else Code.NONE


@predicate
def why_not_resize_host(host: Host, total: int) -> Code:
    """Why ``resize-host`` is rejected."""
    if total < 1:
        return Code.INVALID_SETTING
    return Code.HOST_WOULD_BE_OVERCOMMITTED if host.reserve + host.held > total else Code.NONE


@predicate
def why_not_set_reserve(host: Host, reserve: int) -> Code:
    """Why ``set-reserve`` is rejected."""
    return Code.HOST_WOULD_BE_OVERCOMMITTED if reserve + host.held > host.total else Code.NONE


@predicate
def why_not_remove_host(vms: int) -> Code:
    """Why ``remove-host`` is rejected."""
    return Code.NONE if vms == 0 else Code.HOST_NOT_EMPTY


@predicate
def why_not_define_vm(host: Host, generation: int, memory: MemorySetting) -> Code:
    """Why ``define-vm`` is rejected."""
    return Code.NONE if is_valid(memory, largest(generation, host.version)) else Code.INVALID_SETTING
