"""The events of commands on VMs that are there: of their success, and of their refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Final, cast

from domain import events
from domain.changes import host_figures
from domain.commands import COMMANDS, NAMES, SetMemory
from domain.deciding.steps import RECORDINGS
from domain.deciding.vms import VM_EVENTS
from domain.events import VmFigures
from domain.evolve import unchanged
from domain.recording.vms.memory import static_setting
from domain.recording.vms.records import VmCommandName, VmEventKind
from domain.settings import MemorySetting
from domain.state import Site
from nilometer.audit.expected.arguments import SETTINGS, claims_of_setting, setting_as_written
from nilometer.audit.expected.event import BookChange, ExpectedEvent, HostChange
from nilometer.audit.expected.moving import (
    MOVE,
    claims_of_move,
    destination_of,
    destination_read,
    hosts_named,
    place_of_destination,
    ways_to_move,
)
from nilometer.audit.expected.parts import (
    DESTINATION_READ,
    HOST_READ,
    FromStream,
    Nullable,
    Part,
    Path,
    Text,
)
from nilometer.audit.expected.writing import RuleTerms, claims_of_host_read, complete, host_read, of_decision
from nilometer.storage.bodies import topic_of
from rules.judging.decided.attribution import HOST_INVARIANTS
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, ZERO, Term, constant
from rules.symbolic.values import SymbolicRecord, as_record, equal, leaves, replace_in, substitute
from rules.transitions.vm_commands import SITE, Transition, possible_values


def events_on_vms(rules: RuleTerms, command: str) -> Iterator[ExpectedEvent]:
    """The events that are recorded of a command on a VM that is there."""
    for transition in _recorded_as(rules, command):
        recorded = as_record(transition.recorded["asked"])
        for kind in cast("list[VmEventKind]", possible_values(transition.recorded.term("event"))):
            for name in cast("list[VmCommandName]", possible_values(recorded.term("command"))):
                if name == command and _is_recorded_so(transition.command, kind, name):
                    yield from (_event(rules, written, kind, name) for written in _as_written(transition, kind))


def _recorded_as(rules: RuleTerms, command: str) -> Iterator[Transition]:
    """The transitions of the commands that may be recorded as this one: itself, and for some ``set-memory``."""
    asked = COMMANDS.get(command)
    for kind in RECORDINGS:
        if kind is asked or (kind is SetMemory and command in _OF_SET_MEMORY):
            yield rules.transition_of(kind)


def _is_recorded_so(asked: str, kind: VmEventKind, command: VmCommandName) -> bool:
    """Whether a command that was asked for can be recorded as another one in this form."""
    if kind in (VmEventKind.NOTHING, VmEventKind.COMMAND_REFUSED):
        return kind is VmEventKind.COMMAND_REFUSED
    return asked != NAMES[SetMemory] or _OF_SET_MEMORY.get(command) is kind


_OF_SET_MEMORY: Final[Mapping[str, VmEventKind]] = {
    VmCommandName.CONFIGURE_MEMORY: VmEventKind.MEMORY_CONFIGURED,
    VmCommandName.ADD_MEMORY: VmEventKind.MEMORY_ADDED,
    VmCommandName.REMOVE_MEMORY: VmEventKind.MEMORY_REMOVED,
}
"""As what ``set-memory`` is recorded, and the event of its success."""


def _as_written(transition: Transition, kind: VmEventKind) -> Iterator[Transition]:
    """The transition, once for each way in which its event is written."""
    if transition.command == MOVE:
        yield from (way for way in ways_to_move(transition) if kind in possible_values(way.recorded.term("event")))
        return
    if kind is not VmEventKind.COMMAND_REFUSED or "memory" not in transition.arguments:
        yield transition
        return
    for known in SETTINGS:
        recorded = substitute(transition.recorded, known)
        yield replace(
            transition,
            arguments={**transition.arguments, "memory": substitute(as_record(transition.arguments["memory"]), known)},
            recorded=recorded,
            accepted=terms.substitute_all([transition.accepted], known)[0],
        )


def _event(rules: RuleTerms, transition: Transition, kind: VmEventKind, command: VmCommandName) -> ExpectedEvent:
    refused, moves = kind is VmEventKind.COMMAND_REFUSED, kind is VmEventKind.MOVED
    recorded = replace_in(transition.recorded, transition.accepted, FALSE if refused else TRUE)
    asked = as_record(recorded["asked"])
    after, shape = as_record(recorded["after"]), VM_EVENTS[kind.value]
    hosts = _hosts(rules, transition, recorded, refused=refused)
    is_so = terms.both(
        transition.accepted if not refused else terms.negation(transition.accepted),
        terms.equal(recorded.term("event"), constant(kind)),
        terms.equal(asked.term("command"), constant(command)),
        recorded.term("vm_written"),
        recorded.term("destination_gives") if moves else terms.negation(recorded.term("destination_gives")),
    )
    if refused:  # replaying it changes nothing, and no host has an event of it
        after = as_record(rules.program.call(unchanged, [SITE["vm"]]))
        is_so = terms.both(is_so, *[terms.negation(recorded.term(name)) for name in ("host_gives", "host_gets_back")])
    own = hosts[1] if moves else hosts[0]
    site = SymbolicRecord(Site, {"host": own.after, "vm": after, "entry": rules.figure(after, "held")})
    # What changes nothing keeps the invariants that held before, and the event before was looked at.
    before = SymbolicRecord(Site, {**SITE.fields, "entry": rules.figure(as_record(SITE["vm"]), "held")})
    holds = [is_so] if equal(site, before) is TRUE else [is_so, *rules.check(site)]
    if moves:
        left = SymbolicRecord(Site, {**SITE.fields, "host": hosts[0].after, "entry": ZERO})
        holds += rules.check(left, HOST_INVARIANTS)
    return ExpectedEvent(
        topic=topic_of(shape.kind),
        command=command.value,
        sized=transition.command == "set-memory",
        claims=_claims(transition, refused=refused),
        data=_data(rules, shape.kind, recorded, command, transition),
        holds=terms.both(*holds),
        vm_before=as_record(SITE["vm"]),
        vm_after=after,
        hosts=hosts,
    )


def _data(
    rules: RuleTerms,
    kind: type[events.Event],
    recorded: SymbolicRecord,
    command: VmCommandName,
    transition: Transition,
) -> Mapping[str, Part]:
    decision, asked = as_record(recorded["decision"]), as_record(recorded["asked"])
    after, shape = as_record(recorded["after"]), next(s for s in VM_EVENTS.values() if s.kind is kind)
    has_amount = asked.term("has_amount")
    read = as_record(recorded["read"])
    vm = as_record(read["vm"])
    written: dict[str, Part] = {
        "after": recorded["after_figures"],
        "before": recorded["before_figures"],
        "command": Text(command.value),
        "evidence": {
            "destination": destination_read(transition, recorded) if transition.command == MOVE else None,
            "host": host_read(as_record(read["host"]), recorded["free"], recorded["cap"]),
            "vm": {
                name: vm[name] for name in ("generation", "guest", "config_version", "memory", "in_use_reported", "vsc")
            },
            "vms": None,
        },
        "granted": Nullable(has_amount, decision["granted"]),
        "requested": Nullable(has_amount, asked["amount"]),
        **of_decision(decision),
    }
    own: dict[str, Part] = {name: decision[name] for name in shape.decided}
    own |= {name: rules.figure(after, name) for name in shape.changed}
    if shape.has_size:
        own["size"] = Nullable(asked.term("has_size"), asked["size"])
    if kind is events.VmCommandRefused:
        own["arguments"] = _arguments(rules, command, asked, transition)
    elif kind is events.VmMoved:
        own |= hosts_named(transition)
    return complete(kind, written | own)


def _hosts(rules: RuleTerms, transition: Transition, recorded: SymbolicRecord, *, refused: bool) -> list[HostChange]:
    """The VM's host, and another one that the VM is to move to."""
    gives, gets_back = (FALSE if refused else recorded.term(name) for name in ("host_gives", "host_gets_back"))
    own = as_record(SITE["host"])
    after = own if refused else as_record(recorded["host"])
    kind = None if refused else terms.value_of(recorded.term("event"))
    is_gone = kind in (VmEventKind.MOVED, VmEventKind.REMOVED)
    book = _book(rules, recorded, own, after, gives, gets_back)
    hosts = [HostChange(before=own, after=after, read=HOST_READ, book=book, vms=-1 if is_gone else 0)]
    if transition.command == MOVE and place_of_destination(transition) is DESTINATION_READ:
        other, gives = destination_of(transition), FALSE if refused else recorded.term("destination_gives")
        after = other if refused else as_record(recorded["destination"])
        book = _book(rules, recorded, other, after, gives, FALSE)
        hosts.append(HostChange(before=other, after=after, read=DESTINATION_READ, book=book, vms=0 if refused else 1))
    return hosts


def _book(
    rules: RuleTerms,
    recorded: SymbolicRecord,
    before: SymbolicRecord,
    after: SymbolicRecord,
    gives: Term,
    gets_back: Term,
) -> BookChange | None:
    if terms.value_of(gives) is False and terms.value_of(gets_back) is False:
        return None
    decision, asked = as_record(recorded["decision"]), as_record(recorded["asked"])
    data: dict[str, Part] = {
        "after": rules.program.call(host_figures, [after]),
        "before": rules.program.call(host_figures, [before]),
        "bytes": recorded["bytes"],
        "command": asked["command"],
        "granted": Nullable(asked.term("has_amount"), decision["granted"]),
        "requested": Nullable(asked.term("has_amount"), asked["amount"]),
        "vm": FromStream(),
        **of_decision(decision),
    }
    assert complete(events.HostMemoryGranted, data) is complete(events.HostMemoryReturned, data)
    return BookChange(gives=gives, gets_back=gets_back, data=data)


def _arguments(
    rules: RuleTerms, command: VmCommandName, asked: SymbolicRecord, transition: Transition
) -> Mapping[str, Part]:
    """The arguments of a refused command, as its event records them."""
    known: dict[str, Part] = {"amount": asked["amount"], "size": asked["size"]}
    if transition.command == MOVE:
        known["to"] = hosts_named(transition)["destination"]
    known |= {name: value for name, value in transition.arguments.items() if name not in known}
    if command is VmCommandName.CONFIGURE_MEMORY:
        asked_for = transition.arguments.get("memory")
        setting = rules.program.call(static_setting, [asked["size"]]) if asked_for is None else asked_for
        known["memory"] = setting_as_written(as_record(setting))
    return {name: known[name] for name in COMMANDS[command.value].__slots__ if name != "vm"}


def _claims(transition: Transition, *, refused: bool) -> dict[str, Path]:
    """Where the state before and the arguments of a command stand in its event."""
    claims = claims_of_host_read()
    figures = {field.name for field in fields(VmFigures)}
    for path, _ in leaves(SITE["vm"]):
        claims[f"site.vm.{path}"] = ("before", path) if path in figures else ("evidence", "vm", *path.split("."))
    if transition.command == MOVE:
        return claims | claims_of_move(transition)
    for name, value in transition.arguments.items():
        if name in ("amount", "size"):
            claims[name] = ("requested" if name == "amount" else "size",)
        elif refused and isinstance(value, SymbolicRecord) and value.kind is MemorySetting:
            claims |= claims_of_setting(value, ("arguments", name))
        else:
            for path, _ in leaves(value, name):
                claims[path] = (*(("arguments",) if refused else ()), *path.split("."))
    return claims
