"""What a command on a VM records in the book of a group that the VM is in: one rule gives the event and its figures.

The prover reads this rule, and the decider calls it. ``domain.deciding.books`` only turns its result into an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.evolve import book_change, group_changed
from domain.record import fast_init
from domain.rule import rule
from domain.state import Group, Vm


class GroupEventKind(StrEnum):
    """The event on the stream of a group, by its stored name."""

    NOTHING = "nothing"
    """No event: the VM holds what it held."""
    MEMORY_GRANTED = "group.memory-granted"
    MEMORY_RETURNED = "group.memory-returned"


@fast_init
@dataclass(frozen=True, slots=True)
class GroupRecording:
    """What a command on one of its VMs records in the book of a group."""

    event: GroupEventKind
    before: Group
    after: Group
    bytes: int
    """How much was granted or returned."""


@rule
def record_on_group(group: Group, vm: Vm, after: Vm) -> GroupRecording:
    """The VM of a group, before a command and after it: what it holds more or less, the group does."""
    change = book_change(vm, after)
    if change == 0:
        return GroupRecording(event=GroupEventKind.NOTHING, before=group, after=group, bytes=0)
    gives = change > 0
    return GroupRecording(
        event=GroupEventKind.MEMORY_GRANTED if gives else GroupEventKind.MEMORY_RETURNED,
        before=group,
        after=group_changed(group, change),
        bytes=change if gives else -change,
    )
