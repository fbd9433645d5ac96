"""The step of the induction over the books of groups: what any number of VMs hold together, after every command.

All other VMs of the group are one number: no command changes another VM's figures.
"""

from __future__ import annotations

from typing import Final, cast

from domain.deciding.books import GROUP_EVENTS
from domain.recording.groups import GroupEventKind, record_on_group
from domain.state import Group
from rules.obligations.builder import ObligationBuilder, integer
from rules.specification.groups import group_book_agrees, group_event_is_where_due
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, choose, symbolic
from rules.transitions.vm_commands import SITE, Transition

KIND: Final = "group"
GROUP: Final = cast("SymbolicRecord", symbolic("group", Group))
"""The book before."""
OTHERS: Final = integer("others")
"""What all other VMs of the group hold together."""
IS_IN: Final = terms.variable("is_in", bool)
"""Whether the VM is in the group. No command changes that, as none changes an id or a name."""


def groups(builder: ObligationBuilder) -> None:
    """Every command on a VM leaves the book of any group with what its VMs hold; a new VM holds nothing yet."""
    names_are_stored = terms.constant(all(kind.value == event.KIND for kind, event in GROUP_EVENTS.items()))
    before = group_agrees(builder, GROUP, SITE["vm"])
    for transition in builder.transitions.values():
        command, vm = transition.command, transition.after["vm"]
        recorded = recorded_on_group(builder, transition)
        book = as_record(choose(IS_IN, group_replayed(recorded), GROUP))  # only books of its own groups are read
        agrees = group_agrees(builder, book, vm, still_in(transition))
        assumes = [*builder.command_assumptions(transition), before]
        builder.add(KIND, group_book_agrees, agrees, command=command, assumes=assumes, transition=transition)
        is_due = builder.apply(group_event_is_where_due, group=GROUP, vm=SITE["vm"], after=vm, recorded=recorded)
        goal = terms.both(names_are_stored, is_due)
        builder.add(KIND, group_event_is_where_due, goal, command=command, transition=transition)
    define = builder.host_commands["define-vm"]
    agrees = group_agrees(builder, GROUP, as_record(define.after)["vm"])
    nobody_yet = terms.equal(GROUP.term("held"), OTHERS)
    builder.add(KIND, group_book_agrees, agrees, command=define.command, assumes=[nobody_yet, define.accepted])


def group_agrees(builder: ObligationBuilder, book: SymbolicRecord, vm: Value, is_in: Term = IS_IN) -> Term:
    """That the book of a group has what its VMs hold: the others, and this VM if it is in the group."""
    return builder.apply(group_book_agrees, group=book, others=OTHERS, vm=vm, is_in=is_in)


def recorded_on_group(builder: ObligationBuilder, transition: Transition) -> SymbolicRecord:
    """What a command on one of its VMs records in the book of a group: the ``GroupRecording``."""
    after = transition.recorded["after"]
    return as_record(builder.program.call(record_on_group, [GROUP, SITE["vm"], after]))


def group_replayed(recorded: SymbolicRecord) -> SymbolicRecord:
    """The book after what is recorded: an event carries the total after it."""
    is_written = terms.negation(terms.equal(recorded.term("event"), terms.constant(GroupEventKind.NOTHING)))
    return as_record(choose(is_written, recorded["after"], GROUP))


def still_in(transition: Transition) -> Term:
    """Whether the VM is in the group after a command: not if it is gone."""
    if transition.command != "remove-vm":
        return IS_IN
    return terms.choose(transition.accepted, FALSE, IS_IN)
