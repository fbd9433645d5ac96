"""Memory given to and taken from a VM that runs: by an administrator (static), or by Dynamic Memory.

A request is first checked condition by condition; the first that fails names the refusal. Then as much is granted as
every bound allows, in whole quanta; if that is less than was asked, the least bound names the reason.
"""

from __future__ import annotations

from enum import StrEnum

from domain.decision import Code, Decision, outcome_of, rejected
from domain.guests import pages_out, resizes_at_runtime
from domain.quantities import FLOOR, down, whole
from domain.rule import rule
from domain.settings import Mode, knows_runtime_resize
from domain.state import Power, Site, Vm

# What is granted


@rule
def most(amount: int, bound: int, other_bound: int) -> int:
    """The most that can be granted: no more than asked or than either bound, never negative, in whole quanta."""
    return down(max(0, min(amount, bound, other_bound)))


@rule
def short_because(granted: int, amount: int, bound: int, code: Code, other_bound: int, other_code: Code) -> Code:
    """Why less was granted than asked: the lesser bound, before rounding; the first of the two when they are equal."""
    if granted == amount:
        return Code.NONE
    if bound <= other_bound:
        return code
    return other_code


@rule
def give(vm: Vm, amount: int, free: int, size_limit: int) -> Decision:
    """As much as the host has free and the VM may have: the balloon lets go first, the rest is hot-added."""
    room = size_limit - vm.assigned
    granted = most(amount, free, room)
    unballooned = min(granted, vm.ballooned)
    code = short_because(granted, amount, free, Code.INSUFFICIENT_HOST_MEMORY, room, Code.SIZE_LIMIT)
    return Decision(
        outcome=outcome_of(granted, amount),
        code=code,
        granted=granted,
        hot_added=granted - unballooned,
        unballooned=unballooned,
        paged=0,
    )


@rule
def take(amount: int, removable: int, above_least: int) -> Decision:
    """As much as is not in use and as leaves the VM its least memory."""
    granted = most(amount, removable, above_least)
    code = short_because(granted, amount, removable, Code.MEMORY_IN_USE, above_least, Code.MINIMUM_REACHED)
    return Decision(
        outcome=outcome_of(granted, amount), code=code, granted=granted, hot_added=0, unballooned=0, paged=0
    )


@rule
def take_by_paging(vm: Vm, amount: int, above_least: int) -> Decision:
    """As much as leaves the VM its minimum, in use or not: what no longer fits, the guest must page out to disk."""
    granted = most(amount, above_least, above_least)
    code = short_because(granted, amount, above_least, Code.MINIMUM_REACHED, above_least, Code.MINIMUM_REACHED)
    paged = max(0, vm.in_use - (vm.assigned - granted))
    return Decision(
        outcome=outcome_of(granted, amount), code=code, granted=granted, hot_added=0, unballooned=0, paged=paged
    )


# Runtime memory resize of a static VM


@rule
def resize_refusal(vm: Vm, amount: int) -> Code:
    """Why a running static VM cannot be resized at all: power, mode, guest, configuration version, then the amount."""
    if vm.power is not Power.RUNNING:
        return Code.WRONG_POWER_STATE
    if vm.memory.mode is not Mode.STATIC:
        return Code.DYNAMIC_MEMORY_ENABLED
    if not (vm.vsc and resizes_at_runtime(vm.guest)):
        return Code.GUEST_CANNOT_RESIZE
    if not knows_runtime_resize(vm.config_version):
        return Code.CONFIGURATION_VERSION
    if not (amount > 0 and whole(amount)):
        return Code.INVALID_AMOUNT
    return Code.NONE


@rule
def add_memory(site: Site, amount: int) -> Decision:
    """Hot-adds memory to a running static VM: as much as its host has free and its generation allows."""
    refusal = resize_refusal(site.vm, amount)
    if refusal is not Code.NONE:
        return rejected(refusal)
    return give(site.vm, amount, site.host.free, site.limit)


@rule
def remove_memory(site: Site, amount: int) -> Decision:
    """Takes memory from a running static VM: never what is in use, and never below 32 MiB."""
    vm = site.vm
    refusal = resize_refusal(vm, amount)
    if refusal is not Code.NONE:
        return rejected(refusal)
    if not vm.in_use_reported:
        return rejected(Code.IN_USE_NOT_REPORTED)
    return take(amount, vm.available, vm.assigned - FLOOR)


class Resize(StrEnum):
    """What asking for a size comes to."""

    CONFIGURE = "configure"
    NOTHING = "nothing"
    ADD = "add"
    REMOVE = "remove"


@rule
def set_memory_refusal(vm: Vm) -> Code:
    """Why a VM cannot be brought to a size at all: Dynamic Memory sizes it."""
    return Code.NONE if vm.memory.mode is Mode.STATIC else Code.DYNAMIC_MEMORY_ENABLED


@rule
def set_memory(vm: Vm, size: int) -> Resize:
    """What setting a static VM's size comes to: configured while off, else adding or removing the difference."""
    if vm.power is Power.OFF:
        return Resize.CONFIGURE
    if size == vm.assigned:
        return Resize.NOTHING
    return Resize.ADD if size > vm.assigned else Resize.REMOVE


# Dynamic Memory


@rule
def balancing_refusal(vm: Vm, amount: int) -> Code:
    """Why Dynamic Memory cannot move a VM's memory at all: power, mode, driver, then the amount."""
    if vm.power is not Power.RUNNING:
        return Code.WRONG_POWER_STATE
    if vm.memory.mode is not Mode.DYNAMIC:
        return Code.DYNAMIC_MEMORY_DISABLED
    if not vm.vsc:
        return Code.GUEST_CANNOT_RESIZE
    if not (amount > 0 and whole(amount)):
        return Code.INVALID_AMOUNT
    return Code.NONE


@rule
def grow(site: Site, amount: int) -> Decision:
    """Dynamic Memory gives: as much as the host has free, up to the VM's maximum."""
    refusal = balancing_refusal(site.vm, amount)
    if refusal is not Code.NONE:
        return rejected(refusal)
    return give(site.vm, amount, site.host.free, site.vm.memory.maximum)


@rule
def reclaim(site: Site, amount: int) -> Decision:
    """Dynamic Memory takes: down to the VM's minimum, and what is in use only from old Windows, which then pages."""
    vm = site.vm
    refusal = balancing_refusal(vm, amount)
    if refusal is not Code.NONE:
        return rejected(refusal)
    above_least = vm.assigned - vm.memory.minimum
    if pages_out(vm.guest):
        return take_by_paging(vm, amount, above_least)
    if not vm.in_use_reported:
        return rejected(Code.IN_USE_NOT_REPORTED)
    return take(amount, vm.available, above_least)
