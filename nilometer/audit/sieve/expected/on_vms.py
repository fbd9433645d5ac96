"""The events of commands on VMs that are there: of their success, and of their refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Final, cast

from domain import events
from domain.changes import host_figures
from domain.commands import COMMANDS
from domain.deciding.vms import VM_EVENTS
from domain.events import VmFigures
from domain.evolve import unchanged
from domain.recording.vms.memory import static_setting
from domain.recording.vms.records import VmCommandName, VmEventKind
from domain.settings import MemorySetting
from domain.state import Site
from nilometer.audit.sieve.expected.arguments import SETTINGS, claims_of_setting, setting_as_written
from nilometer.audit.sieve.expected.event import BookChange, ExpectedEvent
from nilometer.audit.sieve.expected.parts import FromStream, Nullable, Part, Path, Text
from nilometer.audit.sieve.expected.writing import RuleTerms, claims_of_host_read, complete, host_read, of_decision
from nilometer.storage.bodies import topic_of
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, constant
from rules.symbolic.values import SymbolicRecord, as_record, equal, leaves, replace_in, substitute
from rules.transitions.vm_commands import SITE, Transition, possible_values, transitions

_LEFT: Final = ("move-vm",)
"""Commands that are left to the judge."""


def events_on_vms(rules: RuleTerms) -> Iterator[ExpectedEvent]:
    """The events of commands on VMs, but of ``move-vm``."""
    for transition in transitions(rules.program):
        if transition.command in _LEFT:
            continue
        for kind in cast("list[VmEventKind]", possible_values(transition.recorded.term("event"))):
            if kind is VmEventKind.NOTHING:
                continue
            asked = as_record(transition.recorded["asked"])
            for command in cast("list[VmCommandName]", possible_values(asked.term("command"))):
                if _is_recorded_so(transition.command, kind, command):
                    yield from (_event(rules, written, kind, command) for written in _as_written(transition, kind))


def _is_recorded_so(asked: str, kind: VmEventKind, command: VmCommandName) -> bool:
    """Whether a command that was asked for can be recorded as another one in this form."""
    event = {
        VmCommandName.CONFIGURE_MEMORY: VmEventKind.MEMORY_CONFIGURED,
        VmCommandName.ADD_MEMORY: VmEventKind.MEMORY_ADDED,
        VmCommandName.REMOVE_MEMORY: VmEventKind.MEMORY_REMOVED,
    }
    return kind is VmEventKind.COMMAND_REFUSED or asked != "set-memory" or event.get(command) is kind


def _as_written(transition: Transition, kind: VmEventKind) -> Iterator[Transition]:
    """The transition, once for each way in which a refusal writes its arguments."""
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
    refused = kind is VmEventKind.COMMAND_REFUSED
    recorded = replace_in(transition.recorded, transition.accepted, FALSE if refused else TRUE)
    asked = as_record(recorded["asked"])
    after, host = as_record(recorded["after"]), as_record(recorded["host"])
    book = _book(rules, recorded)
    shape = VM_EVENTS[kind.value]
    is_so = terms.both(
        transition.accepted if not refused else terms.negation(transition.accepted),
        terms.equal(recorded.term("event"), constant(kind)),
        terms.equal(asked.term("command"), constant(command)),
        recorded.term("vm_written"),
        terms.negation(recorded.term("destination_gives")),
    )
    if refused:  # replaying it changes nothing, and no host has an event of it
        after, host, book = as_record(rules.program.call(unchanged, [SITE["vm"]])), as_record(SITE["host"]), None
        is_so = terms.both(is_so, *[terms.negation(recorded.term(name)) for name in ("host_gives", "host_gets_back")])
    site = SymbolicRecord(Site, {"host": host, "vm": after, "entry": rules.figure(after, "held")})
    # What changes nothing keeps the invariants that held before, and the event before was looked at.
    before = SymbolicRecord(Site, {**SITE.fields, "entry": rules.figure(as_record(SITE["vm"]), "held")})
    return ExpectedEvent(
        topic=topic_of(shape.kind),
        command=command.value,
        sized=transition.command == "set-memory",
        claims=_claims(transition, refused=refused),
        data=_data(rules, shape.kind, recorded, command, transition),
        holds=terms.both(is_so, *([] if equal(site, before) is TRUE else rules.check(site))),
        vm_before=as_record(SITE["vm"]),
        vm_after=after,
        host_before=as_record(SITE["host"]),
        host_after=host,
        book=book,
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
    vm = as_record(as_record(recorded["read"])["vm"])
    written: dict[str, Part] = {
        "after": recorded["after_figures"],
        "before": recorded["before_figures"],
        "command": Text(command.value),
        "evidence": {
            "destination": None,
            "host": host_read(as_record(as_record(recorded["read"])["host"]), recorded),
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
    return complete(kind, written | own)


def _book(rules: RuleTerms, recorded: SymbolicRecord) -> BookChange | None:
    gives, gets_back = recorded.term("host_gives"), recorded.term("host_gets_back")
    if terms.value_of(gives) is False and terms.value_of(gets_back) is False:
        return None
    decision, asked = as_record(recorded["decision"]), as_record(recorded["asked"])
    data: dict[str, Part] = {
        "after": rules.program.call(host_figures, [recorded["host"]]),
        "before": rules.program.call(host_figures, [as_record(recorded["read"])["host"]]),
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
    for name, value in transition.arguments.items():
        if name in ("amount", "size"):
            claims[name] = ("requested" if name == "amount" else "size",)
        elif refused and isinstance(value, SymbolicRecord) and value.kind is MemorySetting:
            claims |= claims_of_setting(value, ("arguments", name))
        else:
            for path, _ in leaves(value, name):
                claims[path] = (*(("arguments",) if refused else ()), *path.split("."))
    return claims
