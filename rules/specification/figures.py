"""The figures that follow from stored ones, as the specification understands them."""

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
    """Memory can be removed from this guest for good."""
    return guest is Guest.WINDOWS


@predicate
def lends_memory(guest: Guest) -> bool:
    """Memory leaves this guest through a balloon."""
    return guest is Guest.WINDOWS_LEGACY or guest is Guest.LINUX or guest is Guest.LINUX_LEGACY


@predicate
def removal_by(vm: Vm) -> Mechanism:
    """How a removal from this VM is called in its event."""
    if gives_up_memory(vm.guest):
        return Mechanism.HOT_REMOVE
    if not lends_memory(vm.guest):
        return Mechanism.NONE
    return Mechanism.BALLOON if counts_what_it_lent(vm.guest) else Mechanism.BALLOON_ADJUSTED


@predicate
def counts_what_it_lent(guest: Guest) -> bool:
    """This guest still sees the memory that it lent to the balloon."""
    return guest is Guest.WINDOWS_LEGACY or guest is Guest.LINUX_LEGACY


@predicate
def has_the_driver(guest: Guest, memory: MemorySetting) -> bool:
    """The Dynamic Memory client runs in this guest with this setting."""
    if guest is Guest.UNENLIGHTENED:
        return False
    return guest is not Guest.WINDOWS_LEGACY or memory.mode is Mode.DYNAMIC


@predicate
def is_resident(vm: Vm) -> bool:
    """The VM's memory is in the host: it runs or is paused."""
    return vm.power is not Power.OFF and vm.power is not Power.SAVED


@predicate
def held_by(vm: Vm) -> int:
    """What the VM takes of its host."""
    return vm.assigned if is_resident(vm) else 0


@predicate
def seen_by(vm: Vm) -> int:
    """What the guest sees."""
    if counts_what_it_lent(vm.guest):
        return vm.assigned + vm.ballooned
    return vm.assigned


@predicate
def free_on(host: Host) -> int:
    """What the host has not promised to anybody."""
    return host.total - (host.reserve + host.held)


@predicate
def largest(generation: int, version: HostVersion) -> int:
    """The largest VM of a generation on a release."""
    if generation == 1:
        return ONE_TEBIBYTE
    if version is HostVersion.V2022 or version is HostVersion.V2025:
        return 240 * ONE_TEBIBYTE
    return 12 * ONE_TEBIBYTE


@predicate
def is_whole(size: int) -> bool:
    """A whole number of 2 MiB."""
    return size % QUANTUM == 0


@predicate
def whole_part(size: int) -> int:
    """What of a size can be handed out."""
    return size - size % QUANTUM


@predicate
def is_size(size: int, limit: int) -> bool:
    """A size that can be configured."""
    return size % QUANTUM == 0 and size >= FLOOR and size <= limit


@predicate
def is_valid(memory: MemorySetting, limit: int) -> bool:
    """A memory setting that can be configured."""
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
    """The largest that this VM can be on this host."""
    return largest(site.vm.generation, site.host.version)


@predicate
def maximum_here(site: Site) -> int:
    """The most that Dynamic Memory may give this VM."""
    return site.vm.memory.maximum


@predicate
def minimum_here(site: Site) -> int:
    """The least that Dynamic Memory leaves this VM."""
    return site.vm.memory.minimum


@predicate
def floor_here(site: Site) -> int:
    """The least that any VM keeps, whatever it is and wherever: 32 MiB."""
    return FLOOR


@predicate
def is_made_to_page(site: Site) -> bool:
    """Dynamic Memory takes also what this guest uses, which then pages: only an old Windows guest lets it."""
    return site.vm.guest is Guest.WINDOWS_LEGACY


@predicate
def keeps_what_it_uses(site: Site) -> bool:
    """Nothing that this guest uses is taken from it."""
    return site.vm.guest is not Guest.WINDOWS_LEGACY


@predicate
def moved_in_book(before: Vm, after: Vm) -> int:
    """What a host's book gains by a change of a VM, or loses."""
    return held_by(after) - held_by(before)


@predicate
def grant_is_called(granted: int, amount: int) -> Outcome:
    """The name of a grant."""
    if granted == amount:
        return Outcome.COMPLETED
    return Outcome.FAILED if granted <= 0 else Outcome.PARTIALLY_COMPLETED


@predicate
def asking_for_size(vm: Vm, size: int) -> Resize:
    """What ``set-memory`` becomes."""
    if vm.power is Power.OFF:
        return Resize.CONFIGURE
    if size > vm.assigned:
        return Resize.ADD
    return Resize.REMOVE if size < vm.assigned else Resize.NOTHING


@predicate
def why_no_size(vm: Vm) -> Code:
    """Why a VM cannot be brought to a size whatever the size: Dynamic Memory sizes it."""
    return Code.DYNAMIC_MEMORY_ENABLED if vm.memory.mode is Mode.DYNAMIC else Code.NONE
