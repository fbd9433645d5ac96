"""Unrolling: what hosts and VMs come to after any few commands, their arguments being free.

What is known of a state, as that a VM has just started, is folded into its terms, so most commands that cannot happen
are dropped without asking the solver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.commands import Command
from domain.state import Site
from rules.concrete.replay import ARGUMENTS
from rules.concrete.world import HERE, OTHER, THERE, VM, command_of
from rules.search.actions import Action, can_be_written
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Literal, Term
from rules.symbolic.values import SymbolicRecord, Value, anything, bring_back, leaves
from rules.transitions.vm_commands import record, term


@dataclass(frozen=True, slots=True)
class SymbolicCommand:
    """A command in a history, its arguments still open."""

    name: str
    arguments: Mapping[str, Value]
    vm: str = VM
    host: str = HERE
    to: str = THERE

    def command(self, values: Mapping[str, Literal]) -> Command:
        """The command with its arguments."""
        given = {name: bring_back(value, values) for name, value in self.arguments.items()}
        return command_of(self.name, given, self.vm, self.host, self.to)


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicState:
    """Hosts and VMs after some commands, for any arguments of theirs."""

    asked: tuple[SymbolicCommand, ...] = ()
    conditions: tuple[Term, ...] = ()
    """That every command could be written, and was accepted."""
    hosts: Mapping[str, SymbolicRecord] = field(default_factory=dict[str, SymbolicRecord])
    vms: Mapping[str, SymbolicRecord] = field(default_factory=dict[str, SymbolicRecord])
    where: Mapping[str, str] = field(default_factory=dict[str, str])
    """The host of each VM."""
    entries: Mapping[tuple[str, str], Term] = field(default_factory=dict[tuple[str, str], Term])
    """The book entries, by VM and host."""

    def site(self, vm: str, name: str) -> dict[str, Term]:
        """The terms of the site of a VM, by the paths of its variables."""
        host = self.where[vm]
        entry = self.entries.get((vm, host), ZERO)
        return dict(leaves(SymbolicRecord(Site, {"host": self.hosts[host], "vm": self.vms[vm], "entry": entry}), name))

    def ended(self, *names: str) -> bool:
        """Whether the last command was one of these."""
        return bool(self.asked) and self.asked[-1].name in names


class Unrolling:
    """What can follow upon an empty host. What was unrolled once is kept."""

    def __init__(self, actions: Mapping[str, Action], solver: Solver) -> None:
        self._actions = actions
        self._solver = solver
        self._levels: dict[str, list[list[SymbolicState]]] = {}

    def nodes(self, opening: str, depth: int) -> Iterator[SymbolicState]:
        """All nodes after so many commands, in a fixed order. With ``beside`` there is another VM, that runs."""
        levels = self._levels.setdefault(opening, [[SymbolicState()]])
        while len(levels) <= depth:
            levels.append(list(self._next(levels[-1], opening)))
        yield from levels[depth]

    def _next(self, nodes: Iterable[SymbolicState], opening: str) -> Iterator[SymbolicState]:
        for node in nodes:
            first = OPENINGS[opening]
            if len(node.asked) < len(first):
                name, ids = first[len(node.asked)]
                yield from self._done(node, self._actions[name], ids)
                continue
            for name in FOLLOWING:
                if _is_worth(node, name):
                    yield from self._done(node, self._actions[name], None)

    def _done(self, node: SymbolicState, action: Action, ids: Mapping[str, str] | None) -> Iterator[SymbolicState]:
        for asked, known in self.asks(node, action, ids):
            written = [part for name, argument in asked.arguments.items() for part in can_be_written(name, argument)]
            parts = [part for value in action.after.values() for _, part in leaves(value)]
            takes_place, *made = terms.substitute_all([action.accepted, *parts], known)
            if takes_place is terms.FALSE:
                continue
            conditions = (*node.conditions, *written, takes_place)
            if len(node.asked) > 3 and self._solver.ask(*conditions).holds is False:
                continue
            rest = iter(made)
            yield _grown(node, asked, conditions, {what: _put(value, rest) for what, value in action.after.items()})

    def asks(
        self, node: SymbolicState, action: Action, ids: Mapping[str, str] | None = None
    ) -> Iterator[tuple[SymbolicCommand, dict[str, Term]]]:
        """The ways in which a command can be asked at a node, and what the variables of its deed are then."""
        for way in [ids] if ids is not None else _ways(node, action.name):
            step = len(node.asked)
            arguments = {name: anything(f"{step}.{name}", ARGUMENTS[name]) for name in action.arguments}
            asked = SymbolicCommand(action.name, arguments, **way)
            known: dict[str, Term] = {}
            for name, argument in arguments.items():
                known |= dict(leaves(argument, name))
            if action.name in ("resize-host", "set-reserve", "remove-host", "define-vm"):
                account = dict(leaves(node.hosts[asked.host], "site.host"))
                account |= dict(leaves(node.hosts[asked.host], "host"))
                if action.name == "define-vm":
                    account["site.entry"] = ZERO
                elif VM in node.vms and node.where[VM] == asked.host:
                    account |= node.site(VM, "site")
                known |= account
                known["vms"] = terms.constant(sum(host == asked.host for host in node.where.values()))
            elif action.name != "register-host":
                known |= node.site(asked.vm, "site")
            if action.name == "move-vm":
                known |= dict(leaves(node.hosts[asked.to], "destination"))
                known["same_host"] = terms.constant(asked.to == node.where[asked.vm])
            if OTHER in node.vms:
                known |= node.site(OTHER, "other")
            yield asked, known


OPENINGS: Final[dict[str, list[tuple[str, dict[str, str]]]]] = {
    "alone": [("register-host", {})],
    "beside": [("register-host", {}), ("define-vm", {}), ("define-vm", {"vm": OTHER}), ("start", {"vm": OTHER})],
    "beside there": [
        ("register-host", {}),
        ("register-host", {"host": THERE}),
        ("define-vm", {}),
        ("define-vm", {"vm": OTHER, "host": THERE}),
        ("start", {"vm": OTHER}),
    ],
}
"""What a history begins with: so much is clear without looking."""

FOLLOWING: Final = (
    *("define-vm", "start", "report-in-use", "remove-memory", "reclaim", "add-memory", "grow", "save", "pause", "stop"),
    *("restore", "resume", "reboot-guest", "register-host", "move-vm", "resize-host", "set-reserve"),
    *("configure-memory", "configure-guest"),
)
"""What a history goes on with, the likelier first. ``set-memory`` does what others of these do; ``remove-vm`` and
``remove-host`` only ever end it."""


def _ways(node: SymbolicState, name: str) -> list[dict[str, str]]:
    match name:
        case "register-host":
            return [{"host": THERE if HERE in node.hosts else HERE}] if THERE not in node.hosts else []
        case "resize-host" | "set-reserve" | "remove-host":
            return [{"host": host} for host in node.hosts]
        case "define-vm":
            return [{}] if HERE in node.hosts and VM not in node.vms else []
        case "move-vm":
            return [{"to": to} for to in node.hosts] if VM in node.vms else []
        case _:
            return [{}] if VM in node.vms else []


def _is_worth(node: SymbolicState, name: str) -> bool:
    """Whether a command can lead further than one before it, its arguments being free."""
    if VM not in node.vms:
        return name == "define-vm"
    started = any(each.name == "start" and each.vm == VM for each in node.asked)
    if node.ended("register-host"):
        return name == "move-vm"
    match name:
        case "resize-host" | "set-reserve":
            return started and not node.ended("resize-host", "set-reserve")
        case "configure-memory":
            return started and not node.ended(name)
        case "configure-guest" | "report-in-use":
            return started and not node.ended(name)
        case "resume":
            return not node.ended("pause")
        case "restore":
            return not node.ended("save")
        case _:
            return True


def _put(whole: Value, parts: Iterator[Term]) -> Value:
    """A value with other terms in its places, in their order."""
    if isinstance(whole, Term):
        return next(parts)
    return SymbolicRecord(whole.kind, {name: _put(inner, parts) for name, inner in whole.fields.items()})


def _grown(
    node: SymbolicState, asked: SymbolicCommand, conditions: tuple[Term, ...], after: Mapping[str, Value]
) -> SymbolicState:
    hosts, vms = dict(node.hosts), dict(node.vms)
    where, entries = dict(node.where), dict(node.entries)
    if asked.name == "define-vm":
        vms[asked.vm], where[asked.vm] = record(after["vm"]), asked.host
    elif asked.name in ("register-host", "resize-host", "set-reserve"):
        hosts[asked.host] = record(after["host"])
    else:
        here = where[asked.vm]
        hosts[here], vms[asked.vm] = record(after["host"]), record(after["vm"])
        entries[asked.vm, here] = term(after["entry"])
        if asked.name == "move-vm":
            hosts[asked.to], where[asked.vm] = record(after["there"]), asked.to
            entries[asked.vm, asked.to] = term(after["arrived"])
    return SymbolicState((*node.asked, asked), conditions, hosts, vms, where, entries)
