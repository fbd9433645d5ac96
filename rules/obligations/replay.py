"""Events: each command is followed by its own, and they can be replayed whatever other VMs' events are between them."""

from __future__ import annotations

from domain import events, evolve
from domain.changes import HOST_CHANGES, VM_CHANGES
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from rules.obligations.builder import ObligationBuilder, number
from rules.specification import changes
from rules.specification.events import FOLLOWED_BY
from rules.symbolic import terms
from rules.symbolic.values import equal
from rules.transitions.vm_commands import SITE, record, term


def followed(builder: ObligationBuilder) -> None:
    """Each command is followed by the event of its row, and an event that tells of no change makes none."""
    for command, row in STEPS.items():
        name = NAMES[command]
        as_named = terms.constant(FOLLOWED_BY.get(name) == row.event.KIND)
        builder.prove("event", "is_followed_by_its_own", as_named, command=name)
    refused = VM_CHANGES[events.VmCommandRefused].rule
    goal = equal(builder.program.call(refused, [SITE["vm"]]), SITE["vm"])
    builder.prove("replay", "refused_command_changes_no_vm", goal)
    for name, kind in (
        ("refused_command_changes_no_host", events.HostCommandRefused),
        ("removal_changes_no_host", events.HostRemoved),
    ):
        host = builder.program.call(HOST_CHANGES[kind].rule, [SITE["host"]])
        goal = builder.says(changes.host_is_kept, before=SITE["host"], after=host)
        builder.prove("replay", name, goal)


def replayed(builder: ObligationBuilder) -> None:
    """Book changes of different VMs can be replayed in either order; what changes nothing writes nothing."""
    call, host, one, other = builder.program.call, SITE["host"], number("one"), number("other")
    for first, second in (
        (evolve.granted_to_vm, evolve.granted_to_vm),
        (evolve.granted_to_vm, evolve.returned_by_vm),
        (evolve.returned_by_vm, evolve.returned_by_vm),
    ):
        this_way = call(second, [call(first, [host, one]), other])
        that_way = call(first, [call(second, [host, other]), one])
        builder.prove("replay", f"{first.__name__}_and_{second.__name__}_commute", equal(this_way, that_way))
    for command, rule in (("granted", evolve.entry_granted), ("returned", evolve.entry_returned)):
        whole_book = evolve.granted_to_vm if command == "granted" else evolve.returned_by_vm
        entry = term(call(rule, [SITE["entry"], one]))
        held = record(call(whole_book, [host, one])).term("held")
        moved = terms.equal(terms.subtract(entry, term(SITE["entry"])), terms.subtract(held, record(host).term("held")))
        builder.prove("replay", f"entry_and_total_are_{command}_alike", moved)
