"""The observable behaviour of a program, as terms. Two programs with the same behaviour are equivalent.

Decisions are compared in any state, because an event is judged by the state that it records, which may be any. What
follows a decision is compared in states that satisfy the invariants: a ledger has no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain import evolve, hosts, lifecycle, resizing
from domain.changes import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES, StateChange
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from domain.decision import outcome_of
from domain.events import Event
from domain.quantities import down, whole
from domain.recording.groups import record_on_group
from domain.rule import Rule
from domain.settings import cap
from domain.state import Host, Site, Vm
from rules.obligations import ObligationBuilder, getter
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Term
from rules.symbolic.values import Value, symbolic
from rules.transitions.vm_commands import SITE

ANYWHERE = (
    hosts.register_host,
    hosts.resize_host,
    hosts.set_reserve,
    hosts.remove_host,
    lifecycle.define_vm,
    lifecycle.move_vm,
    resizing.set_memory_refusal,
    resizing.set_memory,
    evolve.vm_defined,
    evolve.host_registered,
    evolve.book_change,
    evolve.group_changed,
    record_on_group,
    getter(Vm, "held"),
    getter(Vm, "visible"),
    getter(Vm, "mechanism"),
    getter(Host, "free"),
    getter(Site, "limit"),
    cap,
    down,
    whole,
    outcome_of,
)
"""Rules that are called in any state: by the judge, in views, or where there is no state before."""


@dataclass(frozen=True, slots=True)
class Observable:
    """One observable value of a program, and what can be assumed about the state."""

    name: str
    assumes: tuple[Term, ...]
    value: Value


def observables(program: RuleReader, builder: ObligationBuilder) -> Iterator[Observable]:
    """All observable values of a program. ``builder`` is a builder for the same program."""
    for rule in ANYWHERE:
        yield Observable(rule.__qualname__, (), program.read(rule))
    for command, row in STEPS.items():
        yield Observable(f"{NAMES[command]} is decided", (), program.read(row.rule))
        yield Observable(f"{NAMES[command]} is followed by", (), terms.constant(list(VM_CHANGES).index(row.event)))
    followed = {row.event for row in STEPS.values()}  # compared below, after their decisions
    for what, table in (("vm", VM_CHANGES), ("host", HOST_CHANGES), ("entry", ENTRY_CHANGES)):
        for event, change in table.items():
            if event in followed or (followed.intersection(event.__mro__) and _is_parents(event, change)):
                continue
            yield Observable(f"{event.__name__} changes the {what}", *_replayed(program, builder, change))
    for on_host in builder.host_commands.values():
        yield Observable(f"{on_host.command}: recorded", (), on_host.recorded)
        if on_host.after is not None:
            yield Observable(f"{on_host.command}: after", (on_host.accepted,), on_host.after)
    for transition in builder.transitions.values():
        known = tuple(builder.command_assumptions(transition))
        name = transition.command
        yield Observable(f"{name}: decision", known, transition.decision)
        yield Observable(f"{name}: accepted", known, transition.accepted)
        yield Observable(f"{name}: after", known, transition.after)
        yield Observable(f"{name}: recorded", known, transition.recorded)
        yield Observable(f"{name}: visible", known, program.call(getter(Vm, "visible"), [transition.after["vm"]]))
        if transition.left is not None and transition.left_entry is not None:
            yield Observable(f"{name}: left", known, transition.left)
            yield Observable(f"{name}: left entry", known, transition.left_entry)


def _is_parents(event: type[Event], change: object) -> bool:
    """Whether an event of a smaller grant changes what the event of the whole grant does.

    A smaller grant is the decision of the same rule for that amount (``domain.deciding.redecide``), and what follows a
    decision is compared for any amount.
    """
    rule = VM_CHANGES[event.__mro__[1]].rule if event.__mro__[1] in VM_CHANGES else None
    return isinstance(change, StateChange) and change.rule is rule


def _replayed(
    program: RuleReader, builder: ObligationBuilder, change: StateChange[Vm] | StateChange[Host] | Rule
) -> tuple[tuple[Term, ...], Value]:
    """The result of replaying an event by a row of a table, in a state that satisfies the invariants."""
    rule = change.rule if isinstance(change, StateChange) else change
    first, *carried = parameter_types(rule).items()
    before = {Vm: SITE["vm"], Host: SITE["host"]}.get(first[1], SITE["entry"])
    answer = program.call(rule, [before, *[symbolic(name, kind) for name, kind in carried]])
    return tuple(builder.invariants(SITE)), answer
