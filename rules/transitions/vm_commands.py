"""Transitions: what each command does to what it reads and writes, as terms, put together from the program's tables.

``STEPS`` says which rule decides a command and which event follows, ``VM_CHANGES`` and ``HOST_CHANGES`` which rule an
event is replayed by. The decider does the same with values; that both do the same is checked by running both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain import commands, evolve, resizing
from domain.changes import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES
from domain.commands import NAMES, VmCommand
from domain.deciding.steps import STEPS
from domain.decision import Code, Decision, Outcome, accepted
from domain.events import HostMemoryGranted, HostMemoryReturned
from domain.resizing import Resize
from domain.rule import Rule
from domain.settings import MemorySetting
from domain.state import Host, Site, Vm
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader, sorts_of
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, anything, choose, exactly

SITE: Final = cast("SymbolicRecord", anything("site", Site))
"""Any host, any VM on it, and any book entry for it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One command on a VM, for any state and any arguments."""

    command: str
    before: SymbolicRecord
    """The ``Site``."""
    arguments: Mapping[str, Value]
    decision: SymbolicRecord
    accepted: Term
    after: SymbolicRecord
    """The ``Site`` afterwards; of a move, on the host that the VM moved to."""
    left: SymbolicRecord | None = None
    """Of a move, the ``Host`` that the VM left, afterwards."""
    left_entry: Term | None = None
    """Of a move, that host's book entry for the VM, afterwards."""


def transitions(reader: RuleReader) -> list[Transition]:
    """Every command on a VM that there is."""
    return [
        *[_transition(reader, command, SITE) for command in STEPS if command is not commands.MoveVm],
        _set_memory(reader),
        _move(reader),
    ]


def _transition(
    reader: RuleReader, command: type[VmCommand], site: SymbolicRecord, arguments: Mapping[str, Value] | None = None
) -> Transition:
    step = STEPS[command]
    kinds = sorts_of(step.rule)
    given = arguments or {name: anything(name, kinds[name]) for name in step.takes}
    decision = record(reader.call(step.rule, [site, *[given[name] for name in step.takes]]))
    changed = _changed(reader, command, record(site["vm"]), decision, given)
    takes_place = term(reader.call(accepted, [decision]))
    booked = _booked(reader, site, changed)
    after = record(choose(takes_place, booked, site))
    return Transition(NAMES[command], site, given, decision, takes_place, after)


def _changed(
    reader: RuleReader,
    command: type[VmCommand],
    vm: SymbolicRecord,
    decision: SymbolicRecord,
    given: Mapping[str, Value],
) -> SymbolicRecord:
    change = VM_CHANGES[STEPS[command].event]
    kinds = sorts_of(change.rule)
    carried: list[Value] = []
    for name in change.carries:
        if name in decision.fields:
            carried.append(decision[name])
        else:  # the command's; what its rule does not ask for may be anything
            carried.append(given[name] if name in given else anything(name, kinds[name]))
    return record(reader.call(change.rule, [vm, *carried]))


def _booked(reader: RuleReader, site: SymbolicRecord, vm: SymbolicRecord) -> SymbolicRecord:
    """The site with a changed VM, and what that changes in its host's book."""
    change = term(reader.call(evolve.book_change, [site["vm"], vm]))
    host, entry = site["host"], site["entry"]
    for kind, due, size in (
        (HostMemoryGranted, terms.less(ZERO, change), change),
        (HostMemoryReturned, terms.less(change, ZERO), terms.negate(change)),
    ):
        host = _value(choose(due, reader.call(HOST_CHANGES[kind].rule, [site["host"], size]), host))
        entry = _value(choose(due, reader.call(ENTRY_CHANGES[kind], [site["entry"], size]), entry))
    return SymbolicRecord(Site, {"host": host, "vm": vm, "entry": entry})


def _set_memory(reader: RuleReader) -> Transition:
    size = cast("Term", anything("size", int))
    vm = record(SITE["vm"])
    static = exactly(MemorySetting.static(0))
    setting = SymbolicRecord(MemorySetting, {**record(static).fields, "startup": size})
    difference = terms.subtract(size, vm.term("assigned"))
    refusal = term(reader.call(resizing.set_memory_refusal, [vm]))
    comes_to = term(reader.call(resizing.set_memory, [vm, size]))
    nothing = record(exactly(Decision(Outcome.COMPLETED, Code.NONE, 0, 0, 0, 0)))
    rejected = SymbolicRecord(
        Decision, {**nothing.fields, "outcome": terms.constant(Outcome.REJECTED), "code": refusal}
    )
    decision, after, takes_place = nothing, SITE, terms.TRUE
    for resize, becomes in (
        (Resize.CONFIGURE, _transition(reader, commands.ConfigureMemory, SITE, {"memory": setting})),
        (Resize.ADD, _transition(reader, commands.AddMemory, SITE, {"amount": difference})),
        (Resize.REMOVE, _transition(reader, commands.RemoveMemory, SITE, {"amount": terms.negate(difference)})),
    ):
        here = terms.equal(comes_to, terms.constant(resize))
        decision = record(choose(here, becomes.decision, decision))
        after = record(choose(here, becomes.after, after))
        takes_place = terms.choose(here, becomes.accepted, takes_place)
    allowed = terms.equal(refusal, terms.constant(Code.NONE))
    return Transition(
        NAMES[commands.SetMemory],
        SITE,
        {"size": size},
        record(choose(allowed, decision, rejected)),
        terms.both(allowed, takes_place),
        record(choose(allowed, after, SITE)),
    )


def _move(reader: RuleReader) -> Transition:
    destination = cast("SymbolicRecord", anything("destination", Host))
    same_host = cast("Term", anything("same_host", bool))
    vm = record(SITE["vm"])
    decision = record(reader.call(STEPS[commands.MoveVm].rule, [SITE, destination, same_host]))
    takes_place = term(reader.call(accepted, [decision]))
    moved = _changed(reader, commands.MoveVm, vm, decision, {})
    held = reader.call(cast("Rule", cast("property", Vm.held).fget), [vm])
    returned, granted = HOST_CHANGES[HostMemoryReturned].rule, HOST_CHANGES[HostMemoryGranted].rule
    there = SymbolicRecord(
        Site,
        {
            "host": reader.call(granted, [destination, held]),
            "vm": moved,
            "entry": reader.call(ENTRY_CHANGES[HostMemoryGranted], [ZERO, held]),
        },
    )
    left = record(choose(takes_place, reader.call(returned, [SITE["host"], held]), SITE["host"]))
    left_entry = reader.call(ENTRY_CHANGES[HostMemoryReturned], [SITE["entry"], held])
    return Transition(
        NAMES[commands.MoveVm],
        SITE,
        {"destination": destination, "same_host": same_host},
        decision,
        takes_place,
        record(choose(takes_place, there, SITE)),
        left,
        term(choose(takes_place, left_entry, SITE["entry"])),
    )


def record(value: Value | None) -> SymbolicRecord:
    assert isinstance(value, SymbolicRecord)
    return value


def term(value: Value | None) -> Term:
    assert isinstance(value, Term)
    return value


def _value(value: Value | None) -> Value:
    assert value is not None
    return value
