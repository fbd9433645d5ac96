"""What a command records: its own event, on the streams that it concerns, with what was read and asked."""

from __future__ import annotations

from domain.decision import Code, Decision, Outcome
from domain.events import HostFigures, VmFigures
from domain.recording.hosts import DefinitionRecording, HostCommandName, HostEventKind, HostRecording
from domain.recording.vms.records import Asked, VmCommandName, VmEventKind, VmRecording
from domain.settings import MemorySetting, Mode
from domain.state import Host, Power, Site, Vm
from rules.specification.changes import host_is_kept
from rules.specification.effects import nothing_changed
from rules.specification.figures import free_on, held_by, largest, seen_by
from rules.specification.predicate import predicate


@predicate
def takes_effect(decision: Decision) -> bool:
    """The command was neither rejected nor failed."""
    return decision.outcome is not Outcome.REJECTED and decision.outcome is not Outcome.FAILED


@predicate
def are_figures_of(figures: VmFigures, vm: Vm) -> bool:
    """The figures in an event are those of a VM."""
    return (
        figures.power is vm.power
        and figures.session == vm.session
        and figures.startup == vm.memory.startup
        and figures.assigned == vm.assigned
        and figures.visible == seen_by(vm)
        and figures.ballooned == vm.ballooned
        and figures.in_use == vm.in_use
        and figures.paged_out == vm.paged_out
        and figures.high_watermark == vm.high_watermark
        and figures.hot_pluggable == vm.hot_pluggable
    )


@predicate
def are_figures_of_host(figures: HostFigures, host: Host) -> bool:
    """The figures in an event are those of a host."""
    same = figures.total == host.total and figures.reserve == host.reserve and figures.held == host.held
    return same and figures.free == free_on(host)


@predicate
def is_what_was_read(read: Host, free: int, cap: int, host: Host, generation: int) -> bool:
    """The evidence of a host has its figures, what it has free, and the most that a VM can have there."""
    return host_is_kept(host, read) and free == free_on(host) and cap == largest(generation, host.version)


@predicate
def evidence_is_what_was_read(site: Site, destination: Host, recorded: VmRecording) -> bool:
    """What is recorded as read is the VM and its host before the command, and the host that it moves to."""
    generation = site.vm.generation
    read = recorded.read
    vm = nothing_changed(site.vm, read.vm) and read.entry == site.entry
    here = is_what_was_read(read.host, recorded.free, recorded.cap, site.host, generation)
    free = recorded.destination_free
    cap = recorded.destination_cap
    return vm and here and is_what_was_read(recorded.read_destination, free, cap, destination, generation)


@predicate
def figures_are_recorded(site: Site, recorded: VmRecording) -> bool:
    """The event has the VM's figures before the command, and those after it."""
    before = are_figures_of(recorded.before_figures, site.vm)
    return before and are_figures_of(recorded.after_figures, recorded.after)


@predicate
def events_are_where_due(site: Site, recorded: VmRecording) -> bool:
    """The VM's stream gets an event; its host's exactly when what the VM holds there changes, by that much."""
    change = held_by(recorded.after) - held_by(site.vm)
    gives = recorded.host_gives and change > 0 and recorded.bytes == change
    gets_back = recorded.host_gets_back and change < 0 and recorded.bytes == -change
    neither = change == 0 and recorded.bytes == 0
    host = (
        (gives and not recorded.host_gets_back)
        or (gets_back and not recorded.host_gives)
        or (neither and not recorded.host_gives and not recorded.host_gets_back)
    )
    is_due = recorded.event is not VmEventKind.NOTHING
    vm = (recorded.vm_written and is_due) or (not recorded.vm_written and not is_due)
    return vm and host and not recorded.destination_gives


@predicate
def move_is_recorded_on_both_hosts(site: Site, recorded: VmRecording) -> bool:
    """A move is recorded on the VM's stream and on both hosts': what the VM holds goes from one to the other."""
    if not takes_effect(recorded.decision):
        return events_are_where_due(site, recorded)
    hosts = recorded.host_gets_back and recorded.destination_gives and not recorded.host_gives
    return recorded.vm_written and hosts and recorded.bytes == held_by(site.vm)


@predicate
def refusal_is_recorded(site: Site, recorded: VmRecording) -> bool:
    """A refused command is recorded as that, and only that."""
    if takes_effect(recorded.decision):
        return recorded.event is not VmEventKind.COMMAND_REFUSED
    return recorded.event is VmEventKind.COMMAND_REFUSED and nothing_changed(site.vm, recorded.after)


@predicate
def names_no_amount(asked: Asked, command: VmCommandName) -> bool:
    """The event records the command, without an amount or a size."""
    amounts = not asked.has_amount and not asked.has_size and asked.amount == 0 and asked.size == 0
    return asked.command is command and amounts


@predicate
def names_the_amount(asked: Asked, command: VmCommandName, amount: int) -> bool:
    """The event records the command and the requested amount, without a size."""
    amounts = asked.has_amount and not asked.has_size and asked.amount == amount and asked.size == 0
    return asked.command is command and amounts


@predicate
def is_static_of_size(memory: MemorySetting, size: int) -> bool:
    """A memory setting is static, of this size; the other four figures are 0."""
    rest = memory.minimum == 0 and memory.maximum == 0 and memory.buffer == 0 and memory.weight == 0
    return memory.mode is Mode.STATIC and memory.startup == size and rest


@predicate
def grants_all_of_nothing(decision: Decision) -> bool:
    """The command is completed, and nothing is granted."""
    answer = decision.outcome is Outcome.COMPLETED and decision.code is Code.NONE and decision.granted == 0
    return answer and decision.hot_added == 0 and decision.unballooned == 0 and decision.paged == 0


@predicate
def names_the_size(site: Site, recorded: VmRecording, size: int) -> bool:
    """The event records the requested size, and the command that leads to it from where the VM is."""
    asked = recorded.asked
    vm = site.vm
    if not (asked.has_size and asked.size == size):
        return False
    off = vm.power is Power.OFF
    if vm.memory.mode is not Mode.STATIC:
        distance = size - vm.assigned if size > vm.assigned else vm.assigned - size
        amount = not asked.has_amount and asked.amount == 0 if off else asked.has_amount and asked.amount == distance
        return asked.command is VmCommandName.SET_MEMORY and amount
    if off:
        configured = asked.command is VmCommandName.CONFIGURE_MEMORY and not asked.has_amount and asked.amount == 0
        is_refused = not takes_effect(recorded.decision)
        return configured and (is_refused or is_static_of_size(recorded.after.memory, size))
    if size > vm.assigned:
        return asked.command is VmCommandName.ADD_MEMORY and asked.has_amount and vm.assigned + asked.amount == size
    if size < vm.assigned:
        return asked.command is VmCommandName.REMOVE_MEMORY and asked.has_amount and vm.assigned - asked.amount == size
    nothing = asked.command is VmCommandName.SET_MEMORY and asked.has_amount and asked.amount == 0
    return nothing and recorded.event is VmEventKind.NOTHING and grants_all_of_nothing(recorded.decision)


# Hosts, and new VMs


@predicate
def registration_is_recorded(recorded: HostRecording) -> bool:
    """The stream of a registered host begins with that, with its figures; a refused registration leaves nothing."""
    if not takes_effect(recorded.decision):
        return not recorded.written and recorded.event is HostEventKind.NOTHING
    begins = recorded.written and recorded.event is HostEventKind.REGISTERED and not recorded.has_before
    return begins and are_figures_of_host(recorded.after_figures, recorded.after)


@predicate
def host_event_is_where_due(host: Host, recorded: HostRecording, event: HostEventKind) -> bool:
    """A host's stream gets a command's event exactly when a figure changes or the host is removed, or its refusal."""
    if not takes_effect(recorded.decision):
        refused = recorded.written and recorded.event is HostEventKind.COMMAND_REFUSED
        return refused and host_is_kept(host, recorded.after)
    if event is not HostEventKind.REMOVED and host_is_kept(host, recorded.after):
        return not recorded.written and recorded.event is HostEventKind.NOTHING
    return recorded.written and recorded.event is event


@predicate
def host_figures_are_recorded(host: Host, recorded: HostRecording) -> bool:
    """The event has the host's figures before the command, which decided it, and those after it."""
    before = recorded.has_before and are_figures_of_host(recorded.before_figures, host)
    return before and are_figures_of_host(recorded.after_figures, recorded.after)


@predicate
def names_the_host_command(recorded: HostRecording, command: HostCommandName) -> bool:
    """The event records the command."""
    return recorded.command is command


@predicate
def vms_are_recorded_as_counted(recorded: HostRecording, vms: int) -> bool:
    """The evidence of a removal is how many VMs were on the host."""
    return recorded.reads_vms and recorded.vms == vms


@predicate
def no_vms_are_recorded(recorded: HostRecording) -> bool:
    """A command that does not count the VMs on a host records no number of them."""
    return not recorded.reads_vms and recorded.vms == 0


@predicate
def definition_is_where_due(recorded: DefinitionRecording) -> bool:
    """The stream of a new VM begins with its definition; one that is refused is recorded on its host's stream alone."""
    if takes_effect(recorded.decision):
        return recorded.vm_written and not recorded.host_written
    return recorded.host_written and not recorded.vm_written


@predicate
def definition_records_figures(host: Host, generation: int, recorded: DefinitionRecording) -> bool:
    """The events have the new VM's figures, or the host's; the evidence is the host as it was read."""
    figures = are_figures_of(recorded.defined_figures, recorded.defined)
    host_figures = are_figures_of_host(recorded.host_figures, host)
    return figures and host_figures and is_what_was_read(recorded.read, recorded.free, recorded.cap, host, generation)
