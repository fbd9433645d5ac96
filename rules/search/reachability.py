"""Reachability: the shortest history from an empty host to a state or a decision, by unrolling what commands do.

The commands of a history are tried one after another, the shortest histories first; their arguments are left to the
solver. A history that it finds is run by CPython before anybody is told of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domain.commands import Command
from domain.deciding.world import World
from domain.decision import Code, Outcome
from domain.errors import InternalError
from rules.concrete.replay import Execution, bare, run, values_in
from rules.concrete.world import line_of
from rules.obligations import Obligation, Obligations
from rules.search.actions import Action, actions_by_name, can_be_written
from rules.search.unrolling import SymbolicCommand, SymbolicState, Unrolling
from rules.solving.smt import members
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term, variables
from rules.symbolic.values import leaves
from rules.transitions.vm_commands import SITE

Decided = tuple[Outcome, Code]
"""How a command is answered."""
Reached = tuple[str, Decided, "CommandHistory"]
"""A command, how it is answered, and after which history."""

MAX_STEPS: Final = 6
"""The longest history that is looked for, in commands."""


@dataclass(frozen=True, slots=True)
class CommandHistory:
    """Commands that CPython decided one after another, beginning with nothing."""

    commands: tuple[Command, ...]
    last: Execution
    """What the last of them did."""
    values: Mapping[str, Literal]
    """The values of the variables of obligations, just before the last of them."""

    @property
    def script(self) -> tuple[dict[str, Any], ...]:
        """The commands as script lines."""
        return tuple(map(line_of, self.commands))


def replayed(commands: Sequence[Command]) -> CommandHistory:
    """What commands do in a world that is empty at first."""
    world = World()
    for command in commands[:-1]:
        world.execute(command)
    values = values_in(world, commands[-1])
    return CommandHistory(tuple(commands), run(world, commands[-1]), values)


class Search:
    """Looks for histories. What was unrolled for one question is kept for the next."""

    def __init__(self, obligations: Obligations, budget: int) -> None:
        self.actions = actions_by_name(obligations)
        self._invariants = obligations.invariants(SITE)
        self._solver = Solver(budget)
        self._unrolling = Unrolling(self.actions, self._solver)

    # Asking

    def breaking(self, obligation: Obligation, most: int = MAX_STEPS) -> CommandHistory | None:
        """The shortest history whose last command breaks an obligation, small in its figures; ``None`` if none does.

        Raises ``InternalError`` if the history that was found does not break it when CPython runs it.
        """
        name = bare(obligation.command or "")
        action = self.actions.get(name)
        if action is None:
            return None
        opening = "alone"
        if _is_of_another(obligation.goal):
            opening = "beside there" if "(destination)" in (obligation.command or "") else "beside"
        broken = terms.both(*self._required(obligation, opening), terms.negation(obligation.goal))
        for depth in range(1, most + 1):
            for node in self._unrolling.nodes(opening, depth - 1):
                for asked, known in self._unrolling.asks(node, action):
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
            for node in self._unrolling.nodes("alone", depth - 1) if any(missing.values()) else ():
                for name in missing:
                    for history in self._decided(node, self.actions[name], missing[name]):
                        decision = history.last.answer.decision
                        yield name, (decision.outcome, decision.code), history

    def _decided(self, node: SymbolicState, action: Action, missing: set[Decided]) -> Iterator[CommandHistory]:
        if not missing:
            return
        for asked, known in self._unrolling.asks(node, action):
            told = terms.substitute_all([action.decision.term("outcome"), action.decision.term("code")], known)
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
                        f"{action.name} is decided {decision} after\n{history.script}\n"
                        "and otherwise by what was read. This is a bug in Nilometer: please report it."
                    )
                missing.remove((decision.outcome, decision.code))
                yield history

    def _find(
        self, node: SymbolicState, asked: SymbolicCommand, target: Term, *, small: bool = True
    ) -> list[Command] | None:
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


def _is_of_another(condition: Term) -> bool:
    """Whether a condition speaks of another VM."""
    return any(each.startswith("other.") for each in variables(condition))


def _plain(variable: Term) -> Literal:
    """A value for a variable that nothing depends on."""
    sort = variable.sort
    return members(sort)[0] if issubclass(sort, StrEnum) else sort()
