"""The events of commands on hosts, and of ``define-vm``: of their success, and of their refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from domain import events
from domain.deciding.hosts import HOST_EVENTS
from domain.recording.hosts import HostCommandName, HostEventKind
from domain.settings import GENERATIONS
from domain.state import Site
from nilometer.audit.expected.arguments import SETTINGS, claims_of_setting, setting_as_written
from nilometer.audit.expected.event import ExpectedEvent, HostChange
from nilometer.audit.expected.parts import (
    HOST_READ,
    Claimed,
    FromStream,
    Nullable,
    Part,
    Path,
    Text,
    VersionBefore,
    id_in,
)
from nilometer.audit.expected.writing import RuleTerms, claims_of_host_read, complete, host_read, of_decision
from nilometer.storage.bodies import topic_of
from rules.judging.decided.attribution import HOST_INVARIANTS
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, ZERO, Term, constant
from rules.symbolic.values import SymbolicRecord, as_record, as_term, leaves, replace_in, substitute
from rules.transitions.host_commands import RECORDING_RULES, HostCommand, host_command
from rules.transitions.vm_commands import SITE, possible_values

_KINDS: Final = (
    HostEventKind.REGISTERED,
    HostEventKind.RESIZED,
    HostEventKind.RESERVE_SET,
    HostEventKind.REMOVED,
    HostEventKind.COMMAND_REFUSED,
)


def events_on_hosts(rules: RuleTerms, command: str) -> Iterator[ExpectedEvent]:
    """The events that are recorded of a command on a host, or of a definition of a VM."""
    if command not in RECORDING_RULES:
        return
    known = host_command(rules.program, command)
    if command in tuple(HostCommandName):
        for kind in cast("list[HostEventKind]", possible_values(known.recorded.term("event"))):
            if kind in _KINDS:
                yield _event(rules, known, kind)
    else:
        yield _defined(rules, known)
        for setting in SETTINGS:
            for has_name in (True, False):
                yield _definition_refused(known, setting, has_name=has_name)


_VMS: Final = "vms"
"""How many VMs are on a host: no argument of a command, but read for it."""


def _event(rules: RuleTerms, command: HostCommand, kind: HostEventKind) -> ExpectedEvent:
    refused, removed = kind is HostEventKind.COMMAND_REFUSED, kind is HostEventKind.REMOVED
    arguments = {name: value for name, value in command.arguments.items() if name != _VMS}
    recorded = replace_in(command.recorded, command.accepted, FALSE if refused else TRUE)
    after, shape = as_record(recorded["after"]), HOST_EVENTS[kind.value]
    vms = Nullable(recorded.term("reads_vms"), recorded["vms"])
    written: dict[str, Part] = {
        "after": recorded["after_figures"],
        "before": Nullable(recorded.term("has_before"), recorded["before_figures"]),
        "command": Text(command.command),
        **of_decision(as_record(recorded["decision"])),
        **{name: after[name] for name in shape.changed},
    }
    if shape.has_evidence:
        written["evidence"] = {"destination": None, "host": None, "vm": None, "vms": vms}
    if shape.has_arguments:
        written["arguments"] = arguments
    is_so = terms.both(
        terms.negation(command.accepted) if refused else command.accepted,
        terms.equal(recorded.term("event"), constant(kind)),
        terms.equal(recorded.term("command"), constant(HostCommandName(command.command))),
        recorded.term("written"),
    )
    site = SymbolicRecord(Site, {**SITE.fields, "host": after, "entry": ZERO})
    claims: dict[str, Path] = {name: ("arguments", name) if refused else (name,) for name in arguments}
    claims[_VMS] = ("evidence", _VMS)
    if command.before is not None:
        claims |= {f"site.host.{name}": ("before", name) for name in ("total", "reserve", "held")}
    return ExpectedEvent(
        topic=topic_of(shape.kind),
        command=command.command,
        sized=None,
        claims=claims,
        data=complete(shape.kind, written),
        # What changes nothing keeps the invariants that held before, and the event before was looked at.
        holds=terms.both(is_so, *([] if refused or removed else rules.check(site, HOST_INVARIANTS))),
        vm_before=None,
        vm_after=None,
        hosts=[
            HostChange(
                before=None if command.before is None else _without_release(command.before),
                after=after if command.before is None else _without_release(after),
                ends=removed,
            )
        ],
        vms=as_term(command.arguments[_VMS]) if _VMS in command.arguments else None,
    )


def _defined(rules: RuleTerms, command: HostCommand) -> ExpectedEvent:
    recorded = replace_in(command.recorded, command.accepted, TRUE)
    defined, host = as_record(recorded["defined"]), as_record(SITE["host"])
    read = host_read(host, recorded["free"], recorded["cap"])
    written: dict[str, Part] = {
        "after": recorded["defined_figures"],
        "before": None,
        "command": Text(command.command),
        "evidence": {"destination": None, "host": read, "vm": None, "vms": None},
        "granted": None,
        "requested": None,
        "host": id_in(HOST_READ),
        "name": Claimed(("name",)),
        **{name: defined[name] for name in command.arguments},
        **of_decision(as_record(recorded["decision"])),
    }
    site = SymbolicRecord(Site, {"host": host, "vm": defined, "entry": rules.figure(defined, "held")})
    is_known = terms.either(*[terms.equal(defined.term("generation"), constant(known)) for known in GENERATIONS])
    claims = claims_of_host_read()
    for name, value in command.arguments.items():
        claims |= {path: tuple(path.split(".")) for path, _ in leaves(value, name)}
    return ExpectedEvent(
        topic=topic_of(events.VmDefined),
        command=command.command,
        sized=None,
        claims=claims,
        data=complete(events.VmDefined, written),
        holds=terms.both(command.accepted, is_known, recorded.term("vm_written"), *rules.check(site)),
        vm_before=None,
        vm_after=defined,
        hosts=[HostChange(before=host, after=host, read=HOST_READ, vms=1)],
    )


def _definition_refused(command: HostCommand, setting: Mapping[str, Term], *, has_name: bool) -> ExpectedEvent:
    """A refused definition stands on the stream of the host, whose state it read."""
    accepted = terms.substitute_all([command.accepted], setting)[0]
    recorded = replace_in(substitute(command.recorded, setting), accepted, FALSE)
    memory = substitute(as_record(command.arguments["memory"]), setting)
    host = as_record(recorded["read"])
    read = host_read(host, recorded["free"], recorded["cap"])
    arguments: dict[str, Part] = {
        **command.arguments,
        "memory": setting_as_written(memory),
        "vm": Claimed(("arguments", "vm")),
    }
    if has_name:
        arguments["name"] = Claimed(("arguments", "name"))
    written: dict[str, Part] = {
        "after": recorded["host_figures"],
        "arguments": arguments,
        "before": recorded["host_figures"],
        "command": Text(command.command),
        "evidence": {
            "destination": None,
            "host": {
                **read,
                "id": FromStream(),
                "stream_version": VersionBefore(),
            },
            "vm": None,
            "vms": None,
        },
        **of_decision(as_record(recorded["decision"])),
    }
    claims = claims_of_host_read() | claims_of_setting(memory, ("arguments", "memory"))
    for name, value in command.arguments.items():
        if name != "memory":
            claims |= {path: ("arguments", *path.split(".")) for path, _ in leaves(value, name)}
    return ExpectedEvent(
        topic=topic_of(events.HostCommandRefused),
        command=command.command,
        sized=None,
        claims=claims,
        data=complete(events.HostCommandRefused, written),
        holds=terms.both(terms.negation(accepted), recorded.term("host_written")),
        vm_before=None,
        vm_after=None,
        hosts=[HostChange(before=host, after=host)],
    )


def _without_release(host: SymbolicRecord) -> SymbolicRecord:
    """A host of which an event does not say the release."""
    return SymbolicRecord(host.kind, {name: value for name, value in host.fields.items() if name != "version"})
