"""What holds in every reachable state of a decided host and VM, and why it matters to an operator."""

from __future__ import annotations

from domain.guests import Guest
from domain.settings import Mode
from domain.state import Power, Site
from rules.specification.figures import (
    FLOOR,
    QUANTUM,
    counts_what_it_lent,
    gives_up_memory,
    has_the_driver,
    held_by,
    is_valid,
    largest_here,
    lends_memory,
    seen_by,
)
from rules.specification.predicate import predicate


@predicate
def host_is_real(site: Site) -> bool:
    """A host has memory, and no figure of its account is negative: else its free memory is a fiction."""
    return site.host.total > 0 and site.host.reserve >= 0 and site.entry >= 0 and site.host.held >= site.entry


@predicate
def host_never_overcommitted(site: Site) -> bool:
    """A host never promises more than it has: else other VMs fail to start on memory that monitoring calls free."""
    return site.host.reserve + site.host.held <= site.host.total


@predicate
def book_agrees(site: Site) -> bool:
    """The host's book says of each VM what that VM really holds: else memory is lost, or promised twice."""
    return site.entry == held_by(site.vm)


@predicate
def in_use_is_assigned(site: Site) -> bool:
    """A guest uses no more than it has, and only reported use counts: else a removal takes memory in use."""
    fits = 0 <= site.vm.in_use <= site.vm.assigned
    return fits and (site.vm.in_use_reported or site.vm.in_use == 0)


@predicate
def off_means_nothing(site: Site) -> bool:
    """A VM that is off has no memory: else its memory is missing from the host."""
    vm = site.vm
    return vm.power is not Power.OFF or (
        vm.assigned == 0
        and vm.ballooned == 0
        and vm.in_use == 0
        and vm.paged_out == 0
        and vm.high_watermark == 0
        and vm.hot_pluggable == 0
        and not vm.vsc
        and not vm.in_use_reported
    )


@predicate
def settings_valid(site: Site) -> bool:
    """The memory setting is valid on this host, a static one only a size: else the next start fails."""
    memory = site.vm.memory
    only_a_size = memory.minimum == 0 and memory.maximum == 0 and memory.buffer == 0 and memory.weight == 0
    return is_valid(memory, largest_here(site)) and (memory.mode is Mode.DYNAMIC or only_a_size)


@predicate
def within_bounds(site: Site) -> bool:
    """A VM keeps its minimum and never exceeds its maximum: its owner was promised one, and pays for the other."""
    vm = site.vm
    if vm.power is Power.OFF:
        return True
    ordered = vm.assigned >= FLOOR and vm.assigned <= vm.high_watermark and vm.high_watermark <= largest_here(site)
    if vm.memory.mode is Mode.STATIC:
        return ordered
    return ordered and vm.memory.minimum <= vm.assigned and vm.high_watermark <= vm.memory.maximum


@predicate
def size_is_assigned(site: Site) -> bool:
    """A static VM that is not off is configured with the memory it has: else a restart undoes a grant."""
    vm = site.vm
    return vm.power is Power.OFF or vm.memory.mode is Mode.DYNAMIC or vm.memory.startup == vm.assigned


@predicate
def whole_quanta(site: Site) -> bool:
    """Memory moves in steps of 2 MiB: a figure between them is one that Hyper-V would not have decided."""
    vm = site.vm
    whole_figures = vm.assigned % QUANTUM == 0 and vm.ballooned % QUANTUM == 0 and vm.high_watermark % QUANTUM == 0
    return whole_figures and vm.ballooned >= 0


@predicate
def no_balloon_without_one(site: Site) -> bool:
    """A guest without a balloon has no ballooned memory: else what it sees is computed wrong."""
    return lends_memory(site.vm.guest) or site.vm.ballooned == 0


@predicate
def balloon_is_the_rest(site: Site) -> bool:
    """Assigned and ballooned memory of a ballooned guest add up to its high watermark: the balloon deflates first."""
    vm = site.vm
    return vm.power is Power.OFF or not lends_memory(vm.guest) or vm.assigned + vm.ballooned == vm.high_watermark


@predicate
def watermark_is_visible(site: Site) -> bool:
    """A guest that counts ballooned memory sees its high watermark: installers and caches decide by that number."""
    vm = site.vm
    return vm.power is Power.OFF or not counts_what_it_lent(vm.guest) or seen_by(vm) == vm.high_watermark


@predicate
def current_is_visible(site: Site) -> bool:
    """Every other guest sees its assigned memory: else the view shows memory that does not exist."""
    return counts_what_it_lent(site.vm.guest) or seen_by(site.vm) == site.vm.assigned


@predicate
def all_hot_pluggable(site: Site) -> bool:
    """All memory of a Windows guest can be hot-removed, of others none: else the guest refuses a later removal."""
    return site.vm.hot_pluggable == (site.vm.assigned if gives_up_memory(site.vm.guest) else 0)


@predicate
def driver_runs(site: Site) -> bool:
    """The driver runs exactly where it can: else a change is accepted that the guest never makes."""
    vm = site.vm
    if vm.power is Power.OFF:
        return not vm.vsc and vm.session >= 0
    runs = has_the_driver(vm.guest, vm.memory)
    as_it_can = (vm.vsc and runs) or (not vm.vsc and not runs)
    return as_it_can and vm.session >= 1 and (vm.guest is not Guest.UNENLIGHTENED or vm.high_watermark == vm.assigned)


@predicate
def only_legacy_pages(site: Site) -> bool:
    """Only an old Windows guest ever pages: any other guest that pages lost memory in use."""
    return site.vm.paged_out >= 0 and (site.vm.guest is Guest.WINDOWS_LEGACY or site.vm.paged_out == 0)


INVARIANTS = (
    host_is_real,
    host_never_overcommitted,
    book_agrees,
    in_use_is_assigned,
    off_means_nothing,
    settings_valid,
    within_bounds,
    size_is_assigned,
    whole_quanta,
    no_balloon_without_one,
    balloon_is_the_rest,
    watermark_is_visible,
    current_is_visible,
    all_hot_pluggable,
    driver_runs,
    only_legacy_pages,
)
"""All invariants, in the order of the memory model."""

THEOREMS = (watermark_is_visible, current_is_visible)
"""Invariants that follow from the others. They are stated separately because operators rely on them."""
