"""Unrolling: the states of hosts and VMs after a few commands, for any arguments of the commands.

Known facts, as that a VM has just started, simplify the terms, so most commands that are impossible are dropped without
asking the solver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.commands import Command
from domain.state import Site
from rules.concrete.replay import ARGUMENT_TYPES
from rules.concrete.world import HERE, OTHER, THERE, VM, command_of
from rules.search.actions import Action, writable
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Literal, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, concretize, leaves, symbolic


@dataclass(frozen=True, slots=True)
class SymbolicCommand:
    """A command in a history, with arguments that are still unknown."""

    name: str
    arguments: Mapping[str, Value]
    vm: str = VM
    host: str = HERE
    to: str = THERE

    @property
    def conditions(self) -> list[Term]:
        """Conditions that are true if a script can contain the command."""
        return [condition for name, argument in self.arguments.items() for condition in writable(name, argument)]

    def concretize(self, values: Mapping[str, Literal]) -> Command:
        """The command with known arguments."""
        arguments = {name: concretize(value, values) for name, value in self.arguments.items()}
        return command_of(self.name, arguments, self.vm, self.host, self.to)


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicState:
    """Hosts and VMs after some commands, for any arguments of the commands."""

    commands: tuple[SymbolicCommand, ...] = ()
    path_condition: tuple[Term, ...] = ()
    """Conditions that are true if every command can be written and was accepted."""
    hosts: Mapping[str, SymbolicRecord] = field(default_factory=dict[str, SymbolicRecord])
    vms: Mapping[str, SymbolicRecord] = field(default_factory=dict[str, SymbolicRecord])
    host_of: Mapping[str, str] = field(default_factory=dict[str, str])
    """The host of each VM."""
    entries: Mapping[tuple[str, str], Term] = field(default_factory=dict[tuple[str, str], Term])
    """The book entries, by VM and host."""

    def site(self, vm: str, name: str) -> dict[str, Term]:
        """The terms of the site of a VM, by the paths of its variables."""
        host = self.host_of[vm]
        entry = self.entries.get((vm, host), ZERO)
        return dict(leaves(SymbolicRecord(Site, {"host": self.hosts[host], "vm": self.vms[vm], "entry": entry}), name))

    def ended(self, *names: str) -> bool:
        """Whether the last command was one of these."""
        return bool(self.commands) and self.commands[-1].name in names


class Unrolling:
    """The states that can follow an empty world. Each depth is unrolled once."""

    def __init__(self, actions: Mapping[str, Action], solver: Solver) -> None:
        self._actions = actions
        self._solver = solver
        self._levels: dict[str, list[list[SymbolicState]]] = {}

    def states(self, opening: str, depth: int) -> Iterator[SymbolicState]:
        """All states after ``depth`` commands, in a fixed order. ``opening`` is one of ``OPENINGS``."""
        levels = self._levels.setdefault(opening, [[SymbolicState()]])
        while len(levels) <= depth:
            levels.append(list(self._next_level(levels[-1], opening)))
        yield from levels[depth]

    def _next_level(self, states: Iterable[SymbolicState], opening: str) -> Iterator[SymbolicState]:
        first_commands = OPENINGS[opening]
        for state in states:
            if len(state.commands) < len(first_commands):
                name, ids = first_commands[len(state.commands)]
                yield from self._successors(state, self._actions[name], ids)
                continue
            for name in FOLLOWING:
                if _is_worth_trying(state, name):
                    yield from self._successors(state, self._actions[name], None)

    def _successors(
        self, state: SymbolicState, action: Action, ids: Mapping[str, str] | None
    ) -> Iterator[SymbolicState]:
        for command, known in self.applications(state, action, ids):
            parts = [part for value in action.after.values() for _, part in leaves(value)]
            accepted, *substituted = terms.substitute_all([action.accepted, *parts], known)
            if accepted is terms.FALSE:
                continue
            path_condition = (*state.path_condition, *command.conditions, accepted)
            if len(state.commands) > 3 and self._solver.ask(*path_condition, with_values=False).holds is False:
                continue
            rest = iter(substituted)
            after = {name: _with_leaves(value, rest) for name, value in action.after.items()}
            yield _successor(state, command, path_condition, after)

    def applications(
        self, state: SymbolicState, action: Action, ids: Mapping[str, str] | None = None
    ) -> Iterator[tuple[SymbolicCommand, dict[str, Term]]]:
        """The commands of an action that are possible in a state, each with the terms of the action's variables."""
        for named in [ids] if ids is not None else _possible_ids(state, action.command):
            step = len(state.commands)
            arguments = {name: symbolic(f"{step}.{name}", ARGUMENT_TYPES[name]) for name in action.arguments}
            command = SymbolicCommand(name=action.command, arguments=arguments, **named)
            known: dict[str, Term] = {}
            for name, argument in arguments.items():
                known |= dict(leaves(argument, name))
            if action.command in ("resize-host", "set-reserve", "remove-host", "define-vm"):
                known |= dict(leaves(state.hosts[command.host], "site.host"))
                known |= dict(leaves(state.hosts[command.host], "host"))
                if action.command == "define-vm":
                    known["site.entry"] = ZERO
                elif VM in state.vms and state.host_of[VM] == command.host:
                    known |= state.site(VM, "site")
                known["vms"] = terms.constant(sum(host == command.host for host in state.host_of.values()))
            elif action.command != "register-host":
                known |= state.site(command.vm, "site")
            if action.command == "move-vm":
                known |= dict(leaves(state.hosts[command.to], "destination"))
                known["same_host"] = terms.constant(command.to == state.host_of[command.vm])
            if OTHER in state.vms:
                known |= state.site(OTHER, "other")
            yield command, known


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
"""The first commands of a history. They are fixed, because nothing else can come first."""

FOLLOWING: Final = (
    *("define-vm", "start", "report-in-use", "remove-memory", "reclaim", "add-memory", "grow", "save", "pause", "stop"),
    *("restore", "resume", "reboot-guest", "register-host", "move-vm", "resize-host", "set-reserve"),
    *("configure-memory", "configure-guest"),
)
"""The commands that may follow, the likelier first. ``set-memory`` does what others do; ``remove-vm`` and
``remove-host`` lead nowhere."""


def _possible_ids(state: SymbolicState, name: str) -> list[dict[str, str]]:
    """The ids of the hosts and VMs that a command can name in a state."""
    match name:
        case "register-host":
            return [{"host": THERE if HERE in state.hosts else HERE}] if THERE not in state.hosts else []
        case "resize-host" | "set-reserve" | "remove-host":
            return [{"host": host} for host in state.hosts]
        case "define-vm":
            return [{}] if HERE in state.hosts and VM not in state.vms else []
        case "move-vm":
            return [{"to": to} for to in state.hosts] if VM in state.vms else []
        case _:
            return [{}] if VM in state.vms else []


def _is_worth_trying(state: SymbolicState, name: str) -> bool:
    """Whether a command, with any arguments, can lead to a state that the commands before it cannot lead to."""
    if VM not in state.vms:
        return name == "define-vm"
    started = any(command.name == "start" and command.vm == VM for command in state.commands)
    if state.ended("register-host"):
        return name == "move-vm"
    match name:
        case "resize-host" | "set-reserve":
            return started and not state.ended("resize-host", "set-reserve")
        case "configure-memory":
            return started and not state.ended(name)
        case "configure-guest" | "report-in-use":
            return started and not state.ended(name)
        case "resume":
            return not state.ended("pause")
        case "restore":
            return not state.ended("save")
        case _:
            return True


def _with_leaves(value: Value, parts: Iterator[Term]) -> Value:
    """A value of the same structure with other terms, in their order."""
    if isinstance(value, Term):
        return next(parts)
    return SymbolicRecord(value.kind, {name: _with_leaves(inner, parts) for name, inner in value.fields.items()})


def _successor(
    state: SymbolicState, command: SymbolicCommand, path_condition: tuple[Term, ...], after: Mapping[str, Value]
) -> SymbolicState:
    hosts, vms = dict(state.hosts), dict(state.vms)
    host_of, entries = dict(state.host_of), dict(state.entries)
    if command.name == "define-vm":
        vms[command.vm], host_of[command.vm] = as_record(after["vm"]), command.host
    elif command.name in ("register-host", "resize-host", "set-reserve"):
        hosts[command.host] = as_record(after["host"])
    else:
        here = host_of[command.vm]
        hosts[here], vms[command.vm] = as_record(after["host"]), as_record(after["vm"])
        entries[command.vm, here] = as_term(after["entry"])
        if command.name == "move-vm":
            hosts[command.to], host_of[command.vm] = as_record(after["there"]), command.to
            entries[command.vm, command.to] = as_term(after["arrived"])
    return SymbolicState(
        commands=(*state.commands, command),
        path_condition=path_condition,
        hosts=hosts,
        vms=vms,
        host_of=host_of,
        entries=entries,
    )
