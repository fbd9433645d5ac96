"""The derived figures, as the specification defines them."""

from __future__ import annotations

from typing import Final

from domain.decision import Code, Outcome
from domain.guests import Guest, Mechanism
from domain.resizing import Resize
from domain.settings import HostVersion, MemorySetting, Mode
from domain.state import Host, Power, Site, Vm
from rules.specification.predicate import predicate

QUANTUM: Final = 2097152
FLOOR: Final = 33554432
ONE_TEBIBYTE: Final = 1099511627776


@predicate
def gives_up_memory(guest: Guest) -> bool:
    """Memory can be hot-removed from this guest."""
    return guest is Guest.WINDOWS


@predicate
def lends_memory(guest: Guest) -> bool:
    """Memory is removed from this guest through a balloon."""
    return guest is Guest.WINDOWS_LEGACY or guest is Guest.LINUX or guest is Guest.LINUX_LEGACY


@predicate
def removal_by(vm: Vm) -> Mechanism:
    """The mechanism of a removal from this VM, as its event names it."""
    if gives_up_memory(vm.guest):
        return Mechanism.HOT_REMOVE
    if not lends_memory(vm.guest):
        return Mechanism.NONE
    return Mechanism.BALLOON if counts_what_it_lent(vm.guest) else Mechanism.BALLOON_ADJUSTED


@predicate
def counts_what_it_lent(guest: Guest) -> bool:
    """This guest still sees ballooned memory."""
    return guest is Guest.WINDOWS_LEGACY or guest is Guest.LINUX_LEGACY


@predicate
def has_the_driver(guest: Guest, memory: MemorySetting) -> bool:
    """The Dynamic Memory client runs in this guest with this setting."""
    if guest is Guest.UNENLIGHTENED:
        return False
    return guest is not Guest.WINDOWS_LEGACY or memory.mode is Mode.DYNAMIC


@predicate
def is_resident(vm: Vm) -> bool:
    """The VM's memory is on the host: it is running or paused."""
    return vm.power is not Power.OFF and vm.power is not Power.SAVED


@predicate
def held_by(vm: Vm) -> int:
    """The memory that the VM holds on its host."""
    return vm.assigned if is_resident(vm) else 0


@predicate
def seen_by(vm: Vm) -> int:
    """The memory that the guest sees."""
    if counts_what_it_lent(vm.guest):
        return vm.assigned + vm.ballooned
    return vm.assigned


@predicate
def free_on(host: Host) -> int:
    """The host's memory that is neither reserved nor held by a VM."""
    return host.total - (host.reserve + host.held)


@predicate
def largest(generation: int, version: HostVersion) -> int:
    """The largest size of a VM of this generation on this host version."""
    if generation == 1:
        return ONE_TEBIBYTE
    if version is HostVersion.V2022 or version is HostVersion.V2025:
        return 240 * ONE_TEBIBYTE
    return 12 * ONE_TEBIBYTE


@predicate
def is_whole(size: int) -> bool:
    """A size is a multiple of 2 MiB."""
    return size % QUANTUM == 0


@predicate
def whole_part(size: int) -> int:
    """A size, rounded down to 2 MiB."""
    return size - size % QUANTUM


@predicate
def is_size(size: int, limit: int) -> bool:
    """A size can be configured."""
    return size % QUANTUM == 0 and size >= FLOOR and size <= limit


@predicate
def is_valid(memory: MemorySetting, limit: int) -> bool:
    """A memory setting can be configured."""
    if not is_size(memory.startup, limit):
        return False
    if memory.mode is Mode.STATIC:
        return True
    return (
        is_size(memory.minimum, limit)
        and is_size(memory.maximum, limit)
        and memory.minimum <= memory.startup
        and memory.startup <= memory.maximum
        and memory.buffer >= 5
        and memory.buffer <= 2000
        and memory.weight >= 0
        and memory.weight <= 100
    )


@predicate
def largest_here(site: Site) -> int:
    """The largest size of this VM on this host."""
    return largest(site.vm.generation, site.host.version)


@predicate
def maximum_here(site: Site) -> int:
    """The most memory that Dynamic Memory may give this VM."""
    return site.vm.memory.maximum


@predicate
def minimum_here(site: Site) -> int:
    """The least memory that Dynamic Memory leaves this VM."""
    return site.vm.memory.minimum


@predicate
def floor_here(site: Site) -> int:
    """The least memory that any VM keeps: 32 MiB."""
    return FLOOR


@predicate
def is_made_to_page(site: Site) -> bool:
    """Dynamic Memory also takes memory in use from this guest, which then pages: an old Windows guest."""
    return site.vm.guest is Guest.WINDOWS_LEGACY


@predicate
def keeps_what_it_uses(site: Site) -> bool:
    """No memory in use is taken from this guest."""
    return site.vm.guest is not Guest.WINDOWS_LEGACY


@predicate
def moved_in_book(before: Vm, after: Vm) -> int:
    """The change of the host's book that follows from a change of a VM."""
    return held_by(after) - held_by(before)


@predicate
def grant_is_called(granted: int, amount: int) -> Outcome:
    """The outcome of a grant."""
    if granted == amount:
        return Outcome.COMPLETED
    return Outcome.FAILED if granted <= 0 else Outcome.PARTIALLY_COMPLETED


@predicate
def asking_for_size(vm: Vm, size: int) -> Resize:
    """The command that ``set-memory`` becomes."""
    if vm.power is Power.OFF:
        return Resize.CONFIGURE
    if size > vm.assigned:
        return Resize.ADD
    return Resize.REMOVE if size < vm.assigned else Resize.NOTHING


@predicate
def why_no_size(vm: Vm) -> Code:
    """Why ``set-memory`` is rejected for any size: Dynamic Memory decides the size."""
    return Code.DYNAMIC_MEMORY_ENABLED if vm.memory.mode is Mode.DYNAMIC else Code.NONE
