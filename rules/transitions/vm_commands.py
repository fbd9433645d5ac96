"""The transitions of commands on VMs: decision and state afterwards, as terms, composed from the program's tables.

``STEPS`` gives the rule that decides a command and the event that follows, ``VM_CHANGES`` and ``HOST_CHANGES`` the rule
that replays an event. The decider does the same with values. That both agree is checked by running both.
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
from rules.symbolic.reader import RuleReader, parameter_types
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, choose, constants, symbolic

SITE: Final = cast("SymbolicRecord", symbolic("site", Site))
"""An unknown site: any host, any VM on it, and any book entry for the VM."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The transition of a command on a VM, for any state and any arguments."""

    command: str
    before: SymbolicRecord
    """The ``Site``."""
    arguments: Mapping[str, Value]
    decision: SymbolicRecord
    accepted: Term
    after: SymbolicRecord
    """The ``Site`` afterwards; for ``move-vm``, the site on the destination host."""
    left: SymbolicRecord | None = None
    """For ``move-vm``: the ``Host`` that the VM left, afterwards."""
    left_entry: Term | None = None
    """For ``move-vm``: the entry for the VM in the book of the host that it left, afterwards."""


def transitions(reader: RuleReader) -> list[Transition]:
    """The transitions of all commands on VMs."""
    return [
        *[_transition(reader, command) for command in STEPS if command is not commands.MoveVm],
        _set_memory(reader),
        _move(reader),
    ]


def _transition(
    reader: RuleReader, command: type[VmCommand], arguments: Mapping[str, Value] | None = None
) -> Transition:
    step = STEPS[command]
    if arguments is None:
        types = parameter_types(step.rule)
        arguments = {name: symbolic(name, types[name]) for name in step.takes}
    decision = as_record(reader.call(step.rule, [SITE, *[arguments[name] for name in step.takes]]))
    changed = _changed_vm(reader, command, decision, arguments)
    takes_place = as_term(reader.call(accepted, [decision]))
    return Transition(
        command=NAMES[command],
        before=SITE,
        arguments=arguments,
        decision=decision,
        accepted=takes_place,
        after=as_record(choose(takes_place, _booked(reader, changed), SITE)),
    )


def _changed_vm(
    reader: RuleReader, command: type[VmCommand], decision: SymbolicRecord, arguments: Mapping[str, Value]
) -> SymbolicRecord:
    """The VM after the event of an accepted command."""
    change = VM_CHANGES[STEPS[command].event]
    types = parameter_types(change.rule)
    carried: list[Value] = []
    for name in change.carries:
        if name in decision.fields:
            carried.append(decision[name])
        else:  # an argument of the command; the deciding rule may not read it, then any value will do
            carried.append(arguments[name] if name in arguments else symbolic(name, types[name]))
    return as_record(reader.call(change.rule, [SITE["vm"], *carried]))


def _booked(reader: RuleReader, vm: SymbolicRecord) -> SymbolicRecord:
    """The site with a changed VM, and with the book of its host changed accordingly."""
    change = as_term(reader.call(evolve.book_change, [SITE["vm"], vm]))
    host, entry = SITE["host"], SITE["entry"]
    for event, applies, bytes in (
        (HostMemoryGranted, terms.less(ZERO, change), change),
        (HostMemoryReturned, terms.less(change, ZERO), terms.negate(change)),
    ):
        host = as_record(choose(applies, reader.call(HOST_CHANGES[event].rule, [SITE["host"], bytes]), host))
        entry = as_term(choose(applies, reader.call(ENTRY_CHANGES[event], [SITE["entry"], bytes]), entry))
    return SymbolicRecord(Site, {"host": host, "vm": vm, "entry": entry})


def _set_memory(reader: RuleReader) -> Transition:
    size = cast("Term", symbolic("size", int))
    vm = as_record(SITE["vm"])
    setting = SymbolicRecord(MemorySetting, {**as_record(constants(MemorySetting.static(0))).fields, "startup": size})
    difference = terms.subtract(size, vm.term("assigned"))
    refusal = as_term(reader.call(resizing.set_memory_refusal, [vm]))
    resize = as_term(reader.call(resizing.set_memory, [vm, size]))
    nothing = as_record(
        constants(Decision(outcome=Outcome.COMPLETED, code=Code.NONE, granted=0, hot_added=0, unballooned=0, paged=0))
    )
    rejected = SymbolicRecord(
        Decision, {**nothing.fields, "outcome": terms.constant(Outcome.REJECTED), "code": refusal}
    )
    decision, after, takes_place = nothing, SITE, terms.TRUE
    for kind, transition in (
        (Resize.CONFIGURE, _transition(reader, commands.ConfigureMemory, {"memory": setting})),
        (Resize.ADD, _transition(reader, commands.AddMemory, {"amount": difference})),
        (Resize.REMOVE, _transition(reader, commands.RemoveMemory, {"amount": terms.negate(difference)})),
    ):
        becomes = terms.equal(resize, terms.constant(kind))
        decision = as_record(choose(becomes, transition.decision, decision))
        after = as_record(choose(becomes, transition.after, after))
        takes_place = terms.choose(becomes, transition.accepted, takes_place)
    allowed = terms.equal(refusal, terms.constant(Code.NONE))
    return Transition(
        command=NAMES[commands.SetMemory],
        before=SITE,
        arguments={"size": size},
        decision=as_record(choose(allowed, decision, rejected)),
        accepted=terms.both(allowed, takes_place),
        after=as_record(choose(allowed, after, SITE)),
    )


def _move(reader: RuleReader) -> Transition:
    destination = cast("SymbolicRecord", symbolic("destination", Host))
    same_host = cast("Term", symbolic("same_host", bool))
    vm = as_record(SITE["vm"])
    decision = as_record(reader.call(STEPS[commands.MoveVm].rule, [SITE, destination, same_host]))
    takes_place = as_term(reader.call(accepted, [decision]))
    held = reader.call(cast("Rule", cast("property", Vm.held).fget), [vm])
    returned, granted = HOST_CHANGES[HostMemoryReturned].rule, HOST_CHANGES[HostMemoryGranted].rule
    there = SymbolicRecord(
        Site,
        {
            "host": reader.call(granted, [destination, held]),
            "vm": _changed_vm(reader, commands.MoveVm, decision, {}),
            "entry": reader.call(ENTRY_CHANGES[HostMemoryGranted], [ZERO, held]),
        },
    )
    left = choose(takes_place, reader.call(returned, [SITE["host"], held]), SITE["host"])
    left_entry = reader.call(ENTRY_CHANGES[HostMemoryReturned], [SITE["entry"], held])
    return Transition(
        command=NAMES[commands.MoveVm],
        before=SITE,
        arguments={"destination": destination, "same_host": same_host},
        decision=decision,
        accepted=takes_place,
        after=as_record(choose(takes_place, there, SITE)),
        left=as_record(left),
        left_entry=as_term(choose(takes_place, left_entry, SITE["entry"])),
    )
