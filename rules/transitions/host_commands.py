"""Commands on hosts, and the one that defines a VM on one: what each decides, and what then is there, as terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain import events, evolve, hosts, lifecycle
from domain.changes import HOST_CHANGES
from domain.decision import accepted
from domain.rule import Rule
from domain.state import Site
from rules.symbolic.reader import RuleReader, sorts_of
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import SymbolicRecord, Value, anything
from rules.transitions.vm_commands import SITE, record, term


@dataclass(frozen=True, slots=True)
class HostCommand:
    """One command on a host, for any state and any arguments. It touches no VM that is there."""

    command: str
    before: SymbolicRecord | None
    """The ``Host``; there is none before it is registered."""
    arguments: Mapping[str, Value]
    decision: SymbolicRecord
    accepted: Term
    after: SymbolicRecord | None
    """What is there if it is accepted: the ``Host``, or of ``define-vm`` the ``Site``; of ``remove-host`` nothing."""


def host_commands(reader: RuleReader) -> dict[str, HostCommand]:
    """Every command on a host that there is, by its name."""
    return {name: _host_command(reader, name) for name in DECIDE}


DECIDE: Final[Mapping[str, Rule]] = {
    "register-host": hosts.register_host,
    "resize-host": hosts.resize_host,
    "set-reserve": hosts.set_reserve,
    "remove-host": hosts.remove_host,
    "define-vm": lifecycle.define_vm,
}
"""The rules that decide them."""


def _host_command(reader: RuleReader, name: str) -> HostCommand:
    decide, change = DECIDE[name], _change(name)
    kinds = {**sorts_of(decide), **({} if change is None else sorts_of(change))}
    given = {each: SITE["host"] if each == "host" else anything(each, kind) for each, kind in kinds.items()}
    decision = record(reader.call(decide, [given[each] for each in sorts_of(decide)]))
    after = None if change is None else record(reader.call(change, [given[each] for each in sorts_of(change)]))
    if name == "define-vm" and after is not None:
        after = SymbolicRecord(Site, {"host": SITE["host"], "vm": after, "entry": ZERO})
    before = None if name == "register-host" else record(SITE["host"])
    arguments = {each: value for each, value in given.items() if each != "host"}
    return HostCommand(name, before, arguments, decision, term(reader.call(accepted, [decision])), after)


def _change(name: str) -> Rule | None:
    """The rule that says what is there afterwards."""
    match name:
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
