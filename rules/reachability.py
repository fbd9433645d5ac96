"""Reachability: the shortest history from an empty host to a state or a decision, by unrolling what commands do.

The commands of a history are tried one after another, the shortest histories first; their arguments are left to the
solver. What is known of a state, as that a VM has just started, is folded into its terms, so most commands that cannot
happen are dropped without asking. A history that the solver finds is run by CPython before anybody is told of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from domain.commands import Command
from domain.decision import Code, Outcome
from domain.errors import InternalError
from domain.state import Site
from rules import terms
from rules.confirming import ARGUMENTS, Ran, bare, run, values_in
from rules.deeds import Deed, can_be_written, deeds
from rules.obligations import Obligation, Obligations
from rules.smt import members
from rules.solver import Solver
from rules.terms import ZERO, Literal, Term, variables
from rules.transitions import SITE, record, term
from rules.values import Record, Value, anything, bring_back, leaves
from rules.worlds import HERE, OTHER, THERE, VM, World, command_of, line_of

Decided = tuple[Outcome, Code]
"""How a command is answered."""
Reached = tuple[str, Decided, "History"]
"""A command, how it is answered, and after which history."""

STEPS: Final = 6
"""The longest history that is looked for, in commands."""


@dataclass(frozen=True, slots=True)
class Asked:
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
class Node:
    """Hosts and VMs after some commands, for any arguments of theirs."""

    asked: tuple[Asked, ...] = ()
    conditions: tuple[Term, ...] = ()
    """That every command could be written, and was accepted."""
    hosts: Mapping[str, Record] = field(default_factory=dict[str, Record])
    vms: Mapping[str, Record] = field(default_factory=dict[str, Record])
    where: Mapping[str, str] = field(default_factory=dict[str, str])
    """The host of each VM."""
    entries: Mapping[tuple[str, str], Term] = field(default_factory=dict[tuple[str, str], Term])
    """The book entries, by VM and host."""

    def site(self, vm: str, name: str) -> dict[str, Term]:
        """The terms of the site of a VM, by the paths of its variables."""
        host = self.where[vm]
        entry = self.entries.get((vm, host), ZERO)
        return dict(leaves(Record(Site, {"host": self.hosts[host], "vm": self.vms[vm], "entry": entry}), name))

    def ended(self, *names: str) -> bool:
        """Whether the last command was one of these."""
        return bool(self.asked) and self.asked[-1].name in names


@dataclass(frozen=True, slots=True)
class History:
    """Commands that CPython decided one after another, beginning with nothing."""

    commands: tuple[Command, ...]
    last: Ran
    """What the last of them did."""
    values: Mapping[str, Literal]
    """The values of the variables of obligations, just before the last of them."""

    @property
    def script(self) -> tuple[dict[str, Any], ...]:
        """The commands as script lines."""
        return tuple(map(line_of, self.commands))


def replayed(commands: Sequence[Command]) -> History:
    """What commands do in a world that is empty at first."""
    world = World()
    for command in commands[:-1]:
        world.ask(command)
    values = values_in(world, commands[-1])
    return History(tuple(commands), run(world, commands[-1]), values)


class Search:
    """Looks for histories. What was unrolled for one question is kept for the next."""

    def __init__(self, obligations: Obligations, budget: int) -> None:
        self.deeds = deeds(obligations)
        self._invariants = obligations.invariants(SITE)
        self._solver = Solver(budget)
        self._levels: dict[str, list[list[Node]]] = {}

    # Asking

    def breaking(self, obligation: Obligation, most: int = STEPS) -> History | None:
        """The shortest history whose last command breaks an obligation, small in its figures; ``None`` if none does.

        Raises ``InternalError`` if the history that was found does not break it when CPython runs it.
        """
        name = bare(obligation.command or "")
        deed = self.deeds.get(name)
        if deed is None:
            return None
        opening = "alone"
        if _is_of_another(obligation.goal):
            opening = "beside there" if "(destination)" in (obligation.command or "") else "beside"
        broken = terms.both(*self._required(obligation, opening), terms.negation(obligation.goal))
        for depth in range(1, most + 1):
            for node in self.nodes(opening, depth - 1):
                for asked, known in self.asks(node, deed):
                    [target] = terms.substitute_all([broken], known)
                    if any(not each[0].isdigit() for each in variables(target)):
                        continue  # it speaks of a VM or a host that is not there yet
                    found = self._find(node, asked, target)
                    if found is not None:
                        history = replayed(found)
                        if not terms.evaluate(broken, history.values):
                            raise InternalError(
                                f"{obligation.name} holds where a history was found that breaks it:\n"
                                f"{history.script}\nThis is a bug in Nilometer: please report it."
                            )
                        return history
        return None

    def _required(self, obligation: Obligation, opening: str) -> list[Term]:
        """What an obligation assumes beside the invariants of the VM itself: that another VM is where it should be."""
        required = [each for each in obligation.assumes if each not in self._invariants]
        return [each for each in required if opening != "alone" or not _is_of_another(each)]

    def deciding(self, wanted: Mapping[str, Collection[Decided]], most: int) -> Iterator[Reached]:
        """The shortest histories whose last commands, by name, are decided with these outcomes and codes, as found."""
        missing = {name: set(each) for name, each in wanted.items()}
        for depth in range(1, most + 1):
            for node in self.nodes("alone", depth - 1) if any(missing.values()) else ():
                for name in missing:
                    for history in self._decided(node, self.deeds[name], missing[name]):
                        decision = history.last.answer.decision
                        yield name, (decision.outcome, decision.code), history

    def _decided(self, node: Node, deed: Deed, missing: set[Decided]) -> Iterator[History]:
        if not missing:
            return
        for asked, known in self.asks(node, deed):
            told = terms.substitute_all([deed.decision.term("outcome"), deed.decision.term("code")], known)
            while missing:
                one_of = [
                    terms.both(
                        *[terms.equal(part, terms.constant(each)) for part, each in zip(told, decided, strict=True)]
                    )
                    for decided in sorted(missing)
                ]
                found = self._find(node, asked, terms.either(*one_of), small=False)
                if found is None:
                    break
                history = replayed(found)
                decision = history.last.answer.decision
                if (decision.outcome, decision.code) not in missing:
                    raise InternalError(
                        f"{deed.name} is decided {decision} after\n{history.script}\n"
                        "and otherwise by what was read. This is a bug in Nilometer: please report it."
                    )
                missing.remove((decision.outcome, decision.code))
                yield history

    def _find(self, node: Node, asked: Asked, target: Term, *, small: bool = True) -> list[Command] | None:
        if target is terms.FALSE:
            return None
        written = [part for name, argument in asked.arguments.items() for part in can_be_written(name, argument)]
        conditions = (*node.conditions, *written, target)
        answer = self._solver.ask(*conditions)
        if not answer.holds:
            return None
        values = self._solver.smallest(*conditions) if small else answer.values
        every = (*node.asked, asked)
        free = variables(*[part for each in every for value in each.arguments.values() for _, part in leaves(value)])
        whole = {each: _plain(variable) for each, variable in free.items()} | dict(values)
        return [each.command(whole) for each in every]

    # Unrolling

    def nodes(self, opening: str, depth: int) -> Iterator[Node]:
        """All nodes after so many commands, in a fixed order. With ``beside`` there is another VM, that runs."""
        levels = self._levels.setdefault(opening, [[Node()]])
        while len(levels) <= depth:
            levels.append(list(self._next(levels[-1], opening)))
        yield from levels[depth]

    def _next(self, nodes: Iterable[Node], opening: str) -> Iterator[Node]:
        for node in nodes:
            first = OPENINGS[opening]
            if len(node.asked) < len(first):
                name, ids = first[len(node.asked)]
                yield from self._done(node, self.deeds[name], ids)
                continue
            for name in FOLLOWING:
                if _is_worth(node, name):
                    yield from self._done(node, self.deeds[name], None)

    def _done(self, node: Node, deed: Deed, ids: Mapping[str, str] | None) -> Iterator[Node]:
        for asked, known in self.asks(node, deed, ids):
            written = [part for name, argument in asked.arguments.items() for part in can_be_written(name, argument)]
            parts = [part for value in deed.after.values() for _, part in leaves(value)]
            takes_place, *made = terms.substitute_all([deed.accepted, *parts], known)
            if takes_place is terms.FALSE:
                continue
            conditions = (*node.conditions, *written, takes_place)
            if len(node.asked) > 3 and self._solver.ask(*conditions).holds is False:
                continue
            rest = iter(made)
            yield _grown(node, asked, conditions, {what: _put(value, rest) for what, value in deed.after.items()})

    def asks(
        self, node: Node, deed: Deed, ids: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Asked, dict[str, Term]]]:
        """The ways in which a command can be asked at a node, and what the variables of its deed are then."""
        for way in [ids] if ids is not None else _ways(node, deed.name):
            step = len(node.asked)
            arguments = {name: anything(f"{step}.{name}", ARGUMENTS[name]) for name in deed.arguments}
            asked = Asked(deed.name, arguments, **way)
            known: dict[str, Term] = {}
            for name, argument in arguments.items():
                known |= dict(leaves(argument, name))
            if deed.name in ("resize-host", "set-reserve", "remove-host", "define-vm"):
                account = dict(leaves(node.hosts[asked.host], "site.host"))
                account |= dict(leaves(node.hosts[asked.host], "host"))
                if deed.name == "define-vm":
                    account["site.entry"] = ZERO
                elif VM in node.vms and node.where[VM] == asked.host:
                    account |= node.site(VM, "site")
                known |= account
                known["vms"] = terms.constant(sum(host == asked.host for host in node.where.values()))
            elif deed.name != "register-host":
                known |= node.site(asked.vm, "site")
            if deed.name == "move-vm":
                known |= dict(leaves(node.hosts[asked.to], "destination"))
                known["same_host"] = terms.constant(asked.to == node.where[asked.vm])
            if OTHER in node.vms:
                known |= node.site(OTHER, "other")
            yield asked, known


def _is_of_another(condition: Term) -> bool:
    """Whether a condition speaks of another VM."""
    return any(each.startswith("other.") for each in variables(condition))


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


def _ways(node: Node, name: str) -> list[dict[str, str]]:
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


def _is_worth(node: Node, name: str) -> bool:
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
    return Record(whole.kind, {name: _put(inner, parts) for name, inner in whole.fields.items()})


def _grown(node: Node, asked: Asked, conditions: tuple[Term, ...], after: Mapping[str, Value]) -> Node:
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
    return Node((*node.asked, asked), conditions, hosts, vms, where, entries)


def _plain(variable: Term) -> Literal:
    """A value for a variable that nothing depends on."""
    sort = variable.sort
    return members(sort)[0] if issubclass(sort, StrEnum) else sort()
