"""What a program does, as terms: everything of its rules that anybody can see. Two that do the same are one program.

Decisions are compared in any state, since an event is judged from what it says was read, which may be anything. What
follows a decision is compared in the states that satisfy the invariants, the only ones that a ledger can be in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain import evolve, hosts, lifecycle, resizing
from domain.changes import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES, StateChange
from domain.commands import NAMES
from domain.deciding.steps import STEPS
from domain.decision import outcome_of
from domain.quantities import down, whole
from domain.rule import Rule
from domain.settings import cap
from domain.state import Host, Site, Vm
from rules.obligations import ObligationBuilder, getter
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader, parameter_types
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
"""Rules that are asked in any state: by the judge, in views, or where there is no state before."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a program does, under what is known then."""

    name: str
    assumes: tuple[Term, ...]
    value: Value


def behaviour(program: RuleReader, builder: ObligationBuilder) -> Iterator[Told]:
    """Everything that a program does. ``obligations`` are made of the same program."""
    for rule in ANYWHERE:
        yield Told(rule.__qualname__, (), program.read(rule))
    for command, row in STEPS.items():
        yield Told(f"{NAMES[command]} is decided", (), program.read(row.rule))
        yield Told(f"{NAMES[command]} is followed by", (), terms.constant(list(VM_CHANGES).index(row.event)))
    followed = {row.event for row in STEPS.values()}  # what these change is compared below, where they follow
    for what, table in (("vm", VM_CHANGES), ("host", HOST_CHANGES), ("entry", ENTRY_CHANGES)):
        for event, change in table.items():
            if event in followed:
                continue
            yield Told(f"{event.__name__} changes the {what}", *_replayed(program, builder, change))
    for transition in builder.transitions.values():
        known = tuple(builder.command_assumptions(transition))
        name = transition.command
        yield Told(f"{name}: decision", known, transition.decision)
        yield Told(f"{name}: accepted", known, transition.accepted)
        yield Told(f"{name}: after", known, transition.after)
        yield Told(f"{name}: visible", known, program.call(getter(Vm, "visible"), [transition.after["vm"]]))
        if transition.left is not None and transition.left_entry is not None:
            yield Told(f"{name}: left", known, transition.left)
            yield Told(f"{name}: left entry", known, transition.left_entry)


def _replayed(
    program: RuleReader, builder: ObligationBuilder, change: StateChange[Vm] | StateChange[Host] | Rule
) -> tuple[tuple[Term, ...], Value]:
    """What a row of a table makes of a state, where the state is one that can be."""
    rule = change.rule if isinstance(change, StateChange) else change
    first, *carried = parameter_types(rule).items()
    before = {Vm: SITE["vm"], Host: SITE["host"]}.get(first[1], SITE["entry"])
    answer = program.call(rule, [before, *[symbolic(name, kind) for name, kind in carried]])
    return tuple(builder.invariants(SITE)), answer
