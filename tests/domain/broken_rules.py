"""Rules of the product with one thing wrong in each."""

from __future__ import annotations

from dataclasses import replace

from domain import evolve, quantities, resizing, settings
from domain.decision import Code, Decision, done, rejected
from domain.events import Event, HostMemoryGranted, HostMemoryReturned
from domain.settings import MemorySetting
from domain.state import Host, Power, Site, Vm

# The rules as they are, kept before anything is rebound
take = resizing.take
give = resizing.give
short_because = resizing.short_because
resize_refusal = resizing.resize_refusal
memory_added = evolve.memory_added
memory_removed = evolve.memory_removed
booted = evolve.booted
stopped = evolve.stopped

# Deciding


def most_is_the_greatest(amount: int, bound: int, other_bound: int) -> int:
    return quantities.down(max(0, max(amount, bound, other_bound)))


def not_rounded(size: int) -> int:
    return size


def take_ignores_in_use(amount: int, removable: int, above_least: int) -> Decision:
    return take(amount, amount, above_least)


def balloon_stays_blown_up(vm: Vm, amount: int, free: int, size_limit: int) -> Decision:
    given = give(vm, amount, free, size_limit)
    return replace(given, hot_added=given.granted, unballooned=0)


def codes_are_swapped(granted: int, amount: int, bound: int, code: Code, other_bound: int, other_code: Code) -> Code:
    return short_because(granted, amount, bound, other_code, other_bound, code)


def a_tie_blames_the_other(
    granted: int, amount: int, bound: int, code: Code, other_bound: int, other_code: Code
) -> Code:
    return short_because(granted, amount, other_bound, other_code, bound, code)


def version_is_asked_before_guest(vm: Vm, amount: int) -> Code:
    refusal = resize_refusal(vm, amount)
    old = not settings.knows_runtime_resize(vm.config_version)
    return Code.CONFIGURATION_VERSION if refusal is Code.GUEST_CANNOT_RESIZE and old else refusal


def removes_before_the_report(site: Site, amount: int) -> Decision:
    refusal = resizing.resize_refusal(site.vm, amount)
    if refusal is not Code.NONE:
        return rejected(refusal)
    return resizing.take(amount, site.vm.available, site.vm.assigned - quantities.FLOOR)


def moves_wherever(site: Site, destination: Host, same_host: bool) -> Decision:
    return rejected(Code.SAME_HOST) if same_host else done()


def shrinks_to_anything(host: Host, total: int) -> Decision:
    return done()


def reserve_is_promised_too(host: Host) -> int:
    return host.total - host.held


def saved_is_held(vm: Vm) -> int:
    return 0 if vm.power is Power.OFF else vm.assigned


# Evolving


def watermark_is_not_raised(vm: Vm, hot_added: int, unballooned: int) -> Vm:
    return replace(memory_added(vm, hot_added, unballooned), high_watermark=vm.high_watermark)


def paged_memory_stays_in_use(vm: Vm, granted: int, paged: int) -> Vm:
    return replace(memory_removed(vm, granted, paged), in_use=vm.in_use)


def startup_stays_behind(vm: Vm, assigned: int) -> MemorySetting:
    return vm.memory


def reboot_is_no_new_session(vm: Vm) -> Vm:
    return replace(booted(vm), session=max(1, vm.session))


def session_is_forgotten(vm: Vm) -> Vm:
    return replace(stopped(vm), session=0)


def entry_is_forgotten(entry: int, bytes: int) -> int:
    return entry


def total_is_forgotten(host: Host, bytes: int) -> Host:
    return host


# Recording


def without_the_host_half(event: Event) -> Event | None:
    return None if isinstance(event, HostMemoryGranted | HostMemoryReturned) else event


def moved_but_still_booked(event: Event) -> Event:
    if isinstance(event, HostMemoryReturned) and event.command == "move-vm":
        return replace(event, bytes=0)
    return event


def without_refusals(event: Event) -> Event | None:
    return None if event.KIND == "vm.command-refused" else event


def with_figures_of_before(event: Event) -> Event:
    if isinstance(event, HostMemoryGranted) and event.before is not None:
        return replace(event, after=event.before)
    return event
