"""What an accepted command changes: exactly the figures that its row in the memory model names."""

from __future__ import annotations

from domain.decision import Decision, Outcome
from domain.guests import Guest
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.state import Host, Power, Vm
from rules.specification.figures import gives_up_memory, has_the_driver, lends_memory
from rules.specification.predicate import predicate


@predicate
def same_version(one: ConfigVersion, other: ConfigVersion) -> bool:
    """Two configuration versions are equal."""
    return one.major == other.major and one.minor == other.minor


@predicate
def same_machine(before: Vm, after: Vm) -> bool:
    """Generation, guest and configuration version do not change."""
    same = before.generation == after.generation and before.guest is after.guest
    return same and same_version(before.config_version, after.config_version)


@predicate
def same_setting(one: MemorySetting, other: MemorySetting) -> bool:
    """Two memory settings are equal."""
    return one.startup == other.startup and same_but_for_startup(one, other)


@predicate
def same_but_for_startup(one: MemorySetting, other: MemorySetting) -> bool:
    """Two memory settings are equal, except perhaps in startup memory."""
    return (
        one.mode is other.mode
        and one.minimum == other.minimum
        and one.maximum == other.maximum
        and one.buffer == other.buffer
        and one.weight == other.weight
    )


@predicate
def same_driver(before: Vm, after: Vm) -> bool:
    """Whether the driver runs does not change."""
    return (before.vsc and after.vsc) or (not before.vsc and not after.vsc)


@predicate
def same_report(before: Vm, after: Vm) -> bool:
    """What the guest reported does not change."""
    alike = (before.in_use_reported and after.in_use_reported) or (
        not before.in_use_reported and not after.in_use_reported
    )
    return alike and before.in_use == after.in_use


@predicate
def same_sizes(before: Vm, after: Vm) -> bool:
    """No size but the memory in use changes, and the session goes on."""
    return (
        before.session == after.session
        and before.assigned == after.assigned
        and before.ballooned == after.ballooned
        and before.paged_out == after.paged_out
        and before.high_watermark == after.high_watermark
        and before.hot_pluggable == after.hot_pluggable
        and same_driver(before, after)
    )


@predicate
def same_figures(before: Vm, after: Vm) -> bool:
    """No figure but the power state changes."""
    return same_sizes(before, after) and same_report(before, after)


@predicate
def nothing_changed(before: Vm, after: Vm) -> bool:
    """Nothing of the VM changes."""
    same = same_machine(before, after) and same_setting(before.memory, after.memory)
    return same and before.power is after.power and same_figures(before, after)


@predicate
def only_power_changed(before: Vm, after: Vm, power: Power) -> bool:
    """Only the power state of the VM changes, to this one."""
    same = same_machine(before, after) and same_setting(before.memory, after.memory)
    return same and after.power is power and same_figures(before, after)


@predicate
def configure_memory_does(before: Vm, after: Vm, memory: MemorySetting) -> bool:
    """Only the memory setting changes, to the new one."""
    same = same_machine(before, after) and before.power is after.power and same_figures(before, after)
    return same and same_setting(memory, after.memory)


@predicate
def configure_guest_does(before: Vm, after: Vm, guest: Guest, config_version: ConfigVersion) -> bool:
    """Only the guest and its configuration version change, to the new ones."""
    same = before.generation == after.generation and same_setting(before.memory, after.memory)
    new = after.guest is guest and same_version(after.config_version, config_version)
    return same and new and before.power is after.power and same_figures(before, after)


@predicate
def boots(before: Vm, after: Vm) -> bool:
    """The guest starts with startup memory, nothing ballooned, reported or paged out, and the driver if it can run."""
    startup = before.memory.startup
    runs = has_the_driver(before.guest, before.memory)
    fresh = (
        after.power is Power.RUNNING
        and after.session == before.session + 1
        and after.assigned == startup
        and after.high_watermark == startup
        and after.ballooned == 0
        and after.in_use == 0
        and not after.in_use_reported
        and after.paged_out == 0
        and after.hot_pluggable == (startup if gives_up_memory(before.guest) else 0)
    )
    driver = (after.vsc and runs) or (not after.vsc and not runs)
    return fresh and driver and same_machine(before, after) and same_setting(before.memory, after.memory)


@predicate
def stop_does(before: Vm, after: Vm) -> bool:
    """The VM has no memory; the session number stays."""
    nothing = (
        after.power is Power.OFF
        and after.assigned == 0
        and after.ballooned == 0
        and after.in_use == 0
        and not after.in_use_reported
        and after.paged_out == 0
        and after.high_watermark == 0
        and after.hot_pluggable == 0
        and not after.vsc
    )
    same = before.session == after.session and same_machine(before, after)
    return nothing and same and same_setting(before.memory, after.memory)


@predicate
def pause_does(before: Vm, after: Vm) -> bool:
    """Only the power state changes."""
    return only_power_changed(before, after, Power.PAUSED)


@predicate
def resume_does(before: Vm, after: Vm) -> bool:
    """Only the power state changes."""
    return only_power_changed(before, after, Power.RUNNING)


@predicate
def save_does(before: Vm, after: Vm) -> bool:
    """Only the power state changes: the figures stay in the image."""
    return only_power_changed(before, after, Power.SAVED)


@predicate
def restore_does(before: Vm, after: Vm) -> bool:
    """Only the power state changes: the figures come from the image."""
    return only_power_changed(before, after, Power.RUNNING)


@predicate
def report_in_use_does(before: Vm, after: Vm, in_use: int) -> bool:
    """Only the memory in use changes, and that it was reported."""
    same = same_machine(before, after) and same_setting(before.memory, after.memory) and before.power is after.power
    return same and same_sizes(before, after) and after.in_use == in_use and after.in_use_reported


@predicate
def same_beside_sizes(before: Vm, after: Vm) -> bool:
    """A resize keeps machine, session and setting, except that a static VM's startup memory follows its size."""
    static = before.memory.mode is Mode.STATIC
    startup = after.assigned if static else before.memory.startup
    return (
        same_machine(before, after)
        and same_but_for_startup(before.memory, after.memory)
        and after.memory.startup == startup
        and before.power is after.power
        and before.session == after.session
        and same_driver(before, after)
        and after.hot_pluggable == (after.assigned if gives_up_memory(before.guest) else before.hot_pluggable)
    )


@predicate
def giving_does(before: Vm, after: Vm, granted: int) -> bool:
    """The balloon deflates first, the rest is new memory; the high watermark rises if this is the most so far."""
    emptied = granted >= before.ballooned
    peak = after.assigned > before.high_watermark
    return (
        same_beside_sizes(before, after)
        and same_report(before, after)
        and after.assigned == before.assigned + granted
        and after.ballooned == (0 if emptied else before.ballooned - granted)
        and after.high_watermark == (after.assigned if peak else before.high_watermark)
        and after.paged_out == before.paged_out
    )


@predicate
def taking_does(before: Vm, after: Vm, granted: int) -> bool:
    """The memory is gone, or in the balloon; the memory in use stays."""
    lent = granted if lends_memory(before.guest) else 0
    return (
        same_beside_sizes(before, after)
        and same_report(before, after)
        and after.assigned == before.assigned - granted
        and after.ballooned == before.ballooned + lent
        and after.high_watermark == before.high_watermark
        and after.paged_out == before.paged_out
    )


@predicate
def reclaim_does(before: Vm, after: Vm, granted: int) -> bool:
    """As any removal; but an old Windows guest pages out exactly what no longer fits."""
    if before.guest is not Guest.WINDOWS_LEGACY:
        return taking_does(before, after, granted)
    too_much = before.in_use > after.assigned
    paged = before.in_use - after.assigned if too_much else 0
    reported_alike = (before.in_use_reported and after.in_use_reported) or (
        not before.in_use_reported and not after.in_use_reported
    )
    return (
        same_beside_sizes(before, after)
        and reported_alike
        and after.assigned == before.assigned - granted
        and after.ballooned == before.ballooned + granted
        and after.high_watermark == before.high_watermark
        and after.in_use == before.in_use - paged
        and after.paged_out == before.paged_out + paged
    )


@predicate
def set_memory_does(before: Vm, after: Vm, decision: Decision, size: int) -> bool:
    """The VM has the requested size, or came nearer to it without passing it."""
    if decision.outcome is Outcome.PARTIALLY_COMPLETED:
        rises = before.assigned < after.assigned and after.assigned < size
        return after.memory.startup == after.assigned and (
            rises or (before.assigned > after.assigned and after.assigned > size)
        )
    reached = before.power is Power.OFF or after.assigned == size
    return after.memory.startup == size and before.power is after.power and reached


# Hosts, and new VMs


@predicate
def register_host_does(after: Host, total: int, reserve: int, version: HostVersion) -> bool:
    """A host begins with the figures that it was registered with, and its VMs hold nothing."""
    return after.total == total and after.reserve == reserve and after.version is version and after.held == 0


@predicate
def resize_host_does(before: Host, after: Host, total: int) -> bool:
    """Only the host's total changes."""
    same = after.reserve == before.reserve and after.version is before.version and after.held == before.held
    return same and after.total == total


@predicate
def set_reserve_does(before: Host, after: Host, reserve: int) -> bool:
    """Only the root partition's reserve changes."""
    same = after.total == before.total and after.version is before.version and after.held == before.held
    return same and after.reserve == reserve


@predicate
def define_vm_does(
    after: Vm, generation: int, guest: Guest, config_version: ConfigVersion, memory: MemorySetting
) -> bool:
    """A VM is defined as requested; it is off, has no memory, and was never started."""
    asked = after.generation == generation and after.guest is guest
    asked_too = same_version(after.config_version, config_version) and same_setting(after.memory, memory)
    nothing = (
        after.power is Power.OFF
        and after.session == 0
        and after.assigned == 0
        and after.ballooned == 0
        and after.in_use == 0
        and not after.in_use_reported
        and after.paged_out == 0
        and after.high_watermark == 0
        and after.hot_pluggable == 0
        and not after.vsc
    )
    return asked and asked_too and nothing
