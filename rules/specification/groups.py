"""The book of a group: it has what the VMs of the group hold together, and says each change of that."""

from __future__ import annotations

from domain.recording.groups import GroupEventKind, GroupRecording
from domain.state import Group, Vm
from rules.specification.figures import held_by
from rules.specification.predicate import predicate


@predicate
def group_book_agrees(group: Group, others: int, vm: Vm, is_in: bool) -> bool:
    """A group's book has what its VMs hold together: the others, however many, and this one if it is in the group."""
    return group.held == (others + held_by(vm) if is_in else others)


@predicate
def group_event_is_where_due(group: Group, vm: Vm, after: Vm, recorded: GroupRecording) -> bool:
    """A group's stream gets an event exactly when what the VM holds changes, by that much, between the right totals."""
    change = held_by(after) - held_by(vm)
    if recorded.before.held != group.held or recorded.after.held != group.held + change:
        return False
    if change == 0:
        return recorded.event is GroupEventKind.NOTHING and recorded.bytes == 0
    if change > 0:
        return recorded.event is GroupEventKind.MEMORY_GRANTED and recorded.bytes == change
    return recorded.event is GroupEventKind.MEMORY_RETURNED and recorded.bytes == -change
