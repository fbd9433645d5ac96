"""What a VM records of memory that is given to it and taken from it, and what ``set-memory`` comes to.

One rule a command. ``set-memory`` becomes a new setting, the memory that is missing or too much, or nothing.
"""

from __future__ import annotations

from domain.decision import Code, Decision, Outcome, accepted, rejected
from domain.evolve import memory_added, memory_removed
from domain.recording.vms.lifecycle import configure
from domain.recording.vms.outcomes import record, refuse, unchanged_record
from domain.recording.vms.records import Asked, VmCommandName, VmEventKind, VmRecording
from domain.recording.vms.requests import ask_amount, ask_size, ask_size_as_amount
from domain.resizing import Resize, add_memory, grow, reclaim, remove_memory, set_memory, set_memory_refusal
from domain.rule import rule
from domain.settings import MemorySetting, Mode
from domain.state import Site


@rule
def give_memory(site: Site, asked: Asked, decision: Decision) -> VmRecording:
    """Memory is given, as decided."""
    if not accepted(decision):
        return refuse(site, asked, decision)
    after = memory_added(site.vm, decision.hot_added, decision.unballooned)
    return record(site, asked, decision, VmEventKind.MEMORY_ADDED, after)


@rule
def take_memory(site: Site, asked: Asked, decision: Decision) -> VmRecording:
    """Memory is taken, as decided."""
    if not accepted(decision):
        return refuse(site, asked, decision)
    after = memory_removed(site.vm, decision.granted, decision.paged)
    return record(site, asked, decision, VmEventKind.MEMORY_REMOVED, after)


@rule
def record_add_memory(site: Site, amount: int) -> VmRecording:
    """What a static VM is given."""
    return give_memory(site, ask_amount(VmCommandName.ADD_MEMORY, amount), add_memory(site, amount))


@rule
def record_remove_memory(site: Site, amount: int) -> VmRecording:
    """What is taken from a static VM."""
    return take_memory(site, ask_amount(VmCommandName.REMOVE_MEMORY, amount), remove_memory(site, amount))


@rule
def record_grow(site: Site, amount: int) -> VmRecording:
    """What Dynamic Memory gives."""
    return give_memory(site, ask_amount(VmCommandName.GROW, amount), grow(site, amount))


@rule
def record_reclaim(site: Site, amount: int) -> VmRecording:
    """What Dynamic Memory takes."""
    return take_memory(site, ask_amount(VmCommandName.RECLAIM, amount), reclaim(site, amount))


# set-memory


@rule
def static_setting(size: int) -> MemorySetting:
    """The setting of a VM that an administrator sizes."""
    return MemorySetting(mode=Mode.STATIC, startup=size, minimum=0, maximum=0, buffer=0, weight=0)


@rule
def nothing_to_do() -> Decision:
    """Nothing is left to grant: the command is completed."""
    return Decision(outcome=Outcome.COMPLETED, code=Code.NONE, granted=0, hot_added=0, unballooned=0, paged=0)


@rule
def has_its_size(site: Site, size: int) -> VmRecording:
    """The VM has the size already: nothing is recorded."""
    asked = ask_size_as_amount(VmCommandName.SET_MEMORY, 0, size)
    return unchanged_record(site, site.host, asked, nothing_to_do(), VmEventKind.NOTHING)


@rule
def record_set_memory(site: Site, size: int) -> VmRecording:
    """A size comes to a new setting, to the memory that is missing or too much, or to nothing."""
    vm = site.vm
    resize = set_memory(vm, size)
    more = size - vm.assigned
    refusal = set_memory_refusal(vm)
    if refusal is not Code.NONE:
        distance = more if more > 0 else -more
        as_amount = ask_size_as_amount(VmCommandName.SET_MEMORY, distance, size)
        asked = ask_size(VmCommandName.SET_MEMORY, size) if resize is Resize.CONFIGURE else as_amount
        return refuse(site, asked, rejected(refusal))
    if resize is Resize.CONFIGURE:
        return configure(site, ask_size(VmCommandName.CONFIGURE_MEMORY, size), static_setting(size))
    if resize is Resize.ADD:
        return give_memory(site, ask_size_as_amount(VmCommandName.ADD_MEMORY, more, size), add_memory(site, more))
    if resize is Resize.REMOVE:
        asked_less = ask_size_as_amount(VmCommandName.REMOVE_MEMORY, -more, size)
        return take_memory(site, asked_less, remove_memory(site, -more))
    return has_its_size(site, size)
