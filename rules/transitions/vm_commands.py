"""The transitions of commands on VMs: decision and state afterwards, as terms.

The rule of ``RECORDINGS`` that the decider calls is read. The state afterwards is what replaying the events that it
records gives, by ``VM_CHANGES``, ``HOST_CHANGES`` and ``ENTRY_CHANGES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from domain.changes import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES
from domain.commands import NAMES, MoveVm, VmCommand
from domain.deciding.steps import RECORDINGS
from domain.deciding.vms import VM_EVENTS
from domain.decision import accepted
from domain.events import HostMemoryGranted, HostMemoryReturned
from domain.recording.vms.records import VmEventKind
from domain.rule import Rule
from domain.state import Site
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import TRUE, ZERO, Literal, Op, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, choose, replace_in, symbolic

BookEvent = HostMemoryGranted | HostMemoryReturned

SITE: Final = cast("SymbolicRecord", symbolic("site", Site))
"""An unknown site: any host, any VM on it, and any book entry for the VM."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The transition of a command on a VM, for any state and any arguments."""

    command: str
    before: SymbolicRecord
    """The ``Site``."""
    arguments: Mapping[str, Value]
    recorded: SymbolicRecord
    """The ``VmRecording``."""
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
    return [transition_of(reader, command) for command in RECORDINGS]


def transition_of(reader: RuleReader, command: type[VmCommand]) -> Transition:
    """The transition of one command."""
    rule = RECORDINGS[command]
    arguments = {name: symbolic(name, kind) for name, kind in parameter_types(rule).items() if name != "site"}
    recorded = as_record(reader.call(rule, [SITE, *arguments.values()]))
    takes_place = as_term(reader.call(accepted, [recorded["decision"]]))
    if_accepted = replace_in(recorded, takes_place, TRUE)
    moves = command is MoveVm
    vm, host = replayed_vm(reader, if_accepted), replayed_host(reader, if_accepted, SITE["host"])
    entry = _after_book_events(reader, if_accepted, SITE["entry"], ENTRY_CHANGES.__getitem__, _HOST_EVENTS)
    there = SymbolicRecord(Site, {"host": host, "vm": vm, "entry": entry})
    if moves:
        destination = replayed_destination(reader, if_accepted, arguments["destination"])
        arrived = _after_book_events(reader, if_accepted, ZERO, ENTRY_CHANGES.__getitem__, _DESTINATION_EVENTS)
        there = SymbolicRecord(Site, {"host": destination, "vm": vm, "entry": arrived})
    return Transition(
        command=NAMES[command],
        before=SITE,
        arguments=arguments,
        recorded=recorded,
        decision=as_record(recorded["decision"]),
        accepted=takes_place,
        after=as_record(choose(takes_place, there, SITE)),
        left=as_record(choose(takes_place, host, SITE["host"])) if moves else None,
        left_entry=as_term(choose(takes_place, entry, SITE["entry"])) if moves else None,
    )


# Replaying what was recorded


def replayed_vm(reader: RuleReader, recorded: SymbolicRecord) -> SymbolicRecord:
    """The VM after the recorded event is replayed with the figures that it carries."""
    after, event = as_record(SITE["vm"]), recorded.term("event")
    for kind in cast("list[VmEventKind]", possible_values(event)):
        if kind is VmEventKind.NOTHING:
            continue
        change = VM_CHANGES[VM_EVENTS[kind.value].kind]
        figures = [_figure(recorded, name) for name in change.carries]
        changed = reader.call(change.rule, [SITE["vm"], *figures])
        after = as_record(choose(terms.equal(event, terms.constant(kind)), changed, after))
    return after


def _figure(recorded: SymbolicRecord, name: str) -> Value:
    """A figure that the recorded event carries: of the decision, else of the VM afterwards."""
    decision = as_record(recorded["decision"])
    return decision[name] if name in decision.fields else as_record(recorded["after"])[name]


def possible_values(term: Term) -> list[Literal]:
    """The constants that a term can come to: the kinds of events, for the kind of a recorded one."""
    if term.op is Op.CHOOSE:
        return list(dict.fromkeys(value for part in term.parts[1:] for value in possible_values(part)))
    return [cast("Literal", terms.value_of(term))]


_HOST_EVENTS: Final[tuple[tuple[str, type[BookEvent]], ...]] = (
    ("host_gets_back", HostMemoryReturned),
    ("host_gives", HostMemoryGranted),
)
_DESTINATION_EVENTS: Final[tuple[tuple[str, type[BookEvent]], ...]] = (("destination_gives", HostMemoryGranted),)
"""The events on the streams of the VM's host and of the host of destination, by the figure that says if they happen."""


def replayed_host(reader: RuleReader, recorded: SymbolicRecord, host: Value) -> SymbolicRecord:
    """The VM's host after the events that are recorded on its stream are replayed."""
    return as_record(_after_book_events(reader, recorded, host, _host_rule, _HOST_EVENTS))


def replayed_destination(reader: RuleReader, recorded: SymbolicRecord, host: Value) -> SymbolicRecord:
    """The host that the VM moves to after the events that are recorded on its stream are replayed."""
    return as_record(_after_book_events(reader, recorded, host, _host_rule, _DESTINATION_EVENTS))


def _host_rule(event: type[BookEvent]) -> Rule:
    return HOST_CHANGES[event].rule


def _after_book_events(
    reader: RuleReader,
    recorded: SymbolicRecord,
    before: Value,
    rule_of: Callable[[type[BookEvent]], Rule],
    events: Sequence[tuple[str, type[BookEvent]]],
) -> Value:
    """A host, or its book entry, after those of the events that are recorded."""
    after = before
    for is_written, event in events:
        changed = choose(recorded.term(is_written), reader.call(rule_of(event), [after, recorded["bytes"]]), after)
        assert changed is not None
        after = changed
    return after
