"""Events: each command writes its own event, and events of different VMs can be replayed in any order."""

from __future__ import annotations

from domain import events, evolve
from domain.changes import HOST_CHANGES, VM_CHANGES
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from rules.obligations.builder import ObligationBuilder, integer
from rules.specification import changes
from rules.specification.events import FOLLOWED_BY
from rules.symbolic import terms
from rules.symbolic.values import as_record, as_term, equal
from rules.transitions.vm_commands import SITE


def followed(builder: ObligationBuilder) -> None:
    """Each command writes the event of the model's event table; events that record no change change no state."""
    for command, step in STEPS.items():
        name = NAMES[command]
        as_specified = terms.constant(FOLLOWED_BY.get(name) == step.event.KIND)
        builder.add("event", "is_followed_by_its_own", as_specified, command=name)
    refused = VM_CHANGES[events.VmCommandRefused].rule
    goal = equal(builder.program.call(refused, [SITE["vm"]]), SITE["vm"])
    builder.add("replay", "refused_command_changes_no_vm", goal)
    for name, event in (
        ("refused_command_changes_no_host", events.HostCommandRefused),
        ("removal_changes_no_host", events.HostRemoved),
    ):
        host = builder.program.call(HOST_CHANGES[event].rule, [SITE["host"]])
        goal = builder.apply(changes.host_is_kept, before=SITE["host"], after=host)
        builder.add("replay", name, goal)


def replayed(builder: ObligationBuilder) -> None:
    """Book changes of two VMs commute; each changes the VM's entry and the sum of all entries by the same amount."""
    call, host, one, other = builder.program.call, SITE["host"], integer("one"), integer("other")
    for first, second in (
        (evolve.granted_to_vm, evolve.granted_to_vm),
        (evolve.granted_to_vm, evolve.returned_by_vm),
        (evolve.returned_by_vm, evolve.returned_by_vm),
    ):
        first_then_second = call(second, [call(first, [host, one]), other])
        second_then_first = call(first, [call(second, [host, other]), one])
        goal = equal(first_then_second, second_then_first)
        builder.add("replay", f"{first.__name__}_and_{second.__name__}_commute", goal)
    for change, entry_rule, host_rule in (
        ("granted", evolve.entry_granted, evolve.granted_to_vm),
        ("returned", evolve.entry_returned, evolve.returned_by_vm),
    ):
        entry = as_term(call(entry_rule, [SITE["entry"], one]))
        held = as_record(call(host_rule, [host, one])).term("held")
        entry_change = terms.subtract(entry, as_term(SITE["entry"]))
        held_change = terms.subtract(held, as_record(host).term("held"))
        builder.add("replay", f"entry_and_total_are_{change}_alike", terms.equal(entry_change, held_change))
