"""The transitions of commands on hosts, and of ``define-vm``: decision and state afterwards, as terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain import events, evolve, hosts, lifecycle
from domain.changes import HOST_CHANGES
from domain.decision import accepted
from domain.rule import Rule
from domain.state import Site
from rules.symbolic.reader import RuleReader, parameter_types
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, symbolic
from rules.transitions.vm_commands import SITE


@dataclass(frozen=True, slots=True)
class HostCommand:
    """The transition of a command on a host, for any state and any arguments. It reads no VM."""

    command: str
    before: SymbolicRecord | None
    """The ``Host``; ``None`` for ``register-host``."""
    arguments: Mapping[str, Value]
    decision: SymbolicRecord
    accepted: Term
    after: SymbolicRecord | None
    """The state afterwards, if accepted: the ``Host``; for ``define-vm`` the ``Site``; for ``remove-host`` ``None``."""


def host_commands(reader: RuleReader) -> dict[str, HostCommand]:
    """The transitions of all commands on hosts, by command."""
    return {command: _host_command(reader, command) for command in DECIDING_RULES}


DECIDING_RULES: Final[Mapping[str, Rule]] = {
    "register-host": hosts.register_host,
    "resize-host": hosts.resize_host,
    "set-reserve": hosts.set_reserve,
    "remove-host": hosts.remove_host,
    "define-vm": lifecycle.define_vm,
}
"""The rule that decides each command on a host."""


def _host_command(reader: RuleReader, command: str) -> HostCommand:
    decide, evolution = DECIDING_RULES[command], _evolution(command)
    types = parameter_types(decide) | ({} if evolution is None else parameter_types(evolution))
    values = {name: SITE["host"] if name == "host" else symbolic(name, kind) for name, kind in types.items()}

    def call(rule: Rule) -> SymbolicRecord:
        return as_record(reader.call(rule, [values[name] for name in parameter_types(rule)]))

    decision = call(decide)
    after = None if evolution is None else call(evolution)
    if command == "define-vm" and after is not None:
        after = SymbolicRecord(Site, {"host": SITE["host"], "vm": after, "entry": ZERO})
    return HostCommand(
        command=command,
        before=None if command == "register-host" else as_record(SITE["host"]),
        arguments={name: value for name, value in values.items() if name != "host"},
        decision=decision,
        accepted=as_term(reader.call(accepted, [decision])),
        after=after,
    )


def _evolution(command: str) -> Rule | None:
    """The rule that gives the state after an accepted command."""
    match command:
        case "register-host":
            return evolve.host_registered
        case "resize-host":
            return HOST_CHANGES[events.HostResized].rule
        case "set-reserve":
            return HOST_CHANGES[events.HostReserveSet].rule
        case "define-vm":
            return evolve.vm_defined
        case _:
            return None
