"""The transitions of commands on hosts, and of ``define-vm``: decision, record and state afterwards, as terms.

The rules of ``HOST_RECORDINGS`` that the decider calls are read. The state afterwards is what replaying the recorded
event gives, by ``HOST_CHANGES`` or by the rule that begins a host or a VM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from domain import evolve
from domain.changes import HOST_CHANGES
from domain.commands import NAMES, DefineVm, RegisterHost, RemoveHost
from domain.deciding.hosts import HOST_EVENTS
from domain.deciding.steps import HOST_RECORDINGS
from domain.decision import accepted
from domain.recording.hosts import HostEventKind, record_define_vm
from domain.rule import Rule
from domain.state import Site
from rules.symbolic import terms
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import TRUE, ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, choose, replace_in, symbolic
from rules.transitions.vm_commands import SITE, possible_values


@dataclass(frozen=True, slots=True)
class HostCommand:
    """The transition of a command on a host, for any state and any arguments. It reads no VM."""

    command: str
    before: SymbolicRecord | None
    """The ``Host``; ``None`` for ``register-host``."""
    arguments: Mapping[str, Value]
    recorded: SymbolicRecord
    """The ``HostRecording``; for ``define-vm`` the ``DefinitionRecording``."""
    decision: SymbolicRecord
    accepted: Term
    after: SymbolicRecord | None
    """The state afterwards, if accepted: the ``Host``; for ``define-vm`` the ``Site``; for ``remove-host`` ``None``."""


RECORDING_RULES: Final[Mapping[str, Rule]] = {
    **{NAMES[command]: rule for command, rule in HOST_RECORDINGS.items()},
    NAMES[DefineVm]: record_define_vm,
}
"""The rule that decides and records each command on a host."""


def host_commands(reader: RuleReader) -> dict[str, HostCommand]:
    """The transitions of all commands on hosts, by command."""
    return {command: host_command(reader, command) for command in RECORDING_RULES}


def host_command(reader: RuleReader, command: str) -> HostCommand:
    """The transition of one command."""
    rule = RECORDING_RULES[command]
    values = {
        name: SITE["host"] if name == "host" else symbolic(name, kind) for name, kind in parameter_types(rule).items()
    }
    recorded = as_record(reader.call(rule, list(values.values())))
    takes_place = as_term(reader.call(accepted, [recorded["decision"]]))
    return HostCommand(
        command=command,
        before=None if command == NAMES[RegisterHost] else as_record(SITE["host"]),
        arguments={name: value for name, value in values.items() if name != "host"},
        recorded=recorded,
        decision=as_record(recorded["decision"]),
        accepted=takes_place,
        after=_after(reader, command, replace_in(recorded, takes_place, TRUE)),
    )


def _after(reader: RuleReader, command: str, recorded: SymbolicRecord) -> SymbolicRecord | None:
    if command == NAMES[RemoveHost]:
        return None
    if command == NAMES[DefineVm]:
        return SymbolicRecord(Site, {"host": SITE["host"], "vm": defined_vm(reader, recorded), "entry": ZERO})
    return recorded_host(reader, recorded)


def defined_vm(reader: RuleReader, recorded: SymbolicRecord) -> SymbolicRecord:
    """The VM that replaying a definition begins, from the figures that its event carries."""
    defined = as_record(recorded["defined"])
    return as_record(reader.call(evolve.vm_defined, [defined[name] for name in parameter_types(evolve.vm_defined)]))


def recorded_host(reader: RuleReader, recorded: SymbolicRecord) -> SymbolicRecord:
    """The host after the recorded event is replayed with the figures that it carries."""
    after, event = as_record(SITE["host"]), recorded.term("event")
    figures = as_record(recorded["after"])
    for kind in cast("list[HostEventKind]", possible_values(event)):
        if kind is HostEventKind.NOTHING:
            continue
        if kind is HostEventKind.REGISTERED:
            begins = parameter_types(evolve.host_registered)
            replayed = reader.call(evolve.host_registered, [figures[name] for name in begins])
        else:
            change = HOST_CHANGES[HOST_EVENTS[kind.value].kind]
            replayed = reader.call(change.rule, [SITE["host"], *[figures[name] for name in change.carries]])
        after = as_record(choose(terms.equal(event, terms.constant(kind)), replayed, after))
    return after
