"""Reachability: the shortest history from an empty host to a state or a decision, by bounded unrolling of commands.

Sequences of commands are tried one after another, the shortest first; the solver chooses their arguments. CPython
executes every history that is found before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from domain.commands import NAMES, Command
from domain.deciding.world import World
from domain.decision import Code, Outcome
from domain.errors import InternalError, NilometerError
from rules.concrete.replay import Execution, execute, variable_values
from rules.concrete.world import line_of
from rules.obligations import Obligation, ObligationBuilder
from rules.obligations.builder import base_command
from rules.search.actions import Action, actions_by_command
from rules.search.kept import Kept, histories_kept
from rules.search.unrolling import SymbolicCommand, SymbolicState, Unrolling
from rules.solving.solver import Solver
from rules.specification.figures import held_by
from rules.symbolic import terms
from rules.symbolic.terms import TRUE, ZERO, Literal, Term, variables
from rules.symbolic.values import leaves
from rules.transitions.vm_commands import SITE

OutcomeAndCode = tuple[Outcome, Code]
"""How a command is answered."""

MAX_STEPS: Final = 6
"""The length of the longest histories that are searched, in commands."""


@dataclass(frozen=True, slots=True)
class CommandHistory:
    """Commands that CPython executed one after another, from an empty world."""

    commands: tuple[Command, ...]
    last: Execution
    """The execution of the last command."""
    values: Mapping[str, Literal]
    """The values of the variables of obligations, just before the last command."""

    @property
    def script(self) -> tuple[dict[str, Any], ...]:
        """The commands as script lines."""
        return tuple(map(line_of, self.commands))


def execute_all(commands: Sequence[Command]) -> CommandHistory:
    """Executes commands in a world that is empty at first."""
    world = World()
    *earlier, last = commands
    for command in earlier:
        world.execute(command)
    values = variable_values(world, last)
    return CommandHistory(tuple(commands), execute(world, last), values)


class Search:
    """Searches histories. States that were unrolled for one question are kept for the next."""

    def __init__(self, builder: ObligationBuilder, budget: int, kept: Kept | None = None) -> None:
        """``kept`` are histories to try before any is searched: those of ``rules.search.kept`` by default."""
        self.actions = actions_by_command(builder)
        self.searched = 0
        """How many histories were searched and found, and not kept."""
        self._kept = kept
        self._executed: dict[str, list[CommandHistory]] = {}
        self._invariants = builder.invariants(SITE)
        self._group_of_one: dict[str, Term] = {
            "group.held": builder.apply(held_by, vm=SITE["vm"]),
            "others": ZERO,
            "is_in": TRUE,
        }
        """The group of an obligation, in a history: the VM alone is in it."""
        self._budget = budget

    @cached_property
    def _solver(self) -> Solver:
        """Made when something is searched: where kept histories suffice, nothing is."""
        return Solver(self._budget)

    @cached_property
    def _unrolling(self) -> Unrolling:
        return Unrolling(self.actions, self._solver)

    def breaking(self, obligation: Obligation, most: int = MAX_STEPS) -> CommandHistory | None:
        """The shortest history whose last command breaks an obligation, with small figures; ``None`` if there is none.

        Raises ``InternalError`` if the history does not break the obligation when CPython executes it.
        """
        action = self.actions.get(base_command(obligation.command or ""))
        if action is None:
            return None
        opening = "alone"
        if _is_about_other(obligation.goal):
            opening = "beside there" if "(destination)" in (obligation.command or "") else "beside"
        condition = terms.both(*self._required(obligation, opening), terms.negation(obligation.goal))
        broken = terms.substitute(condition, self._group_of_one)
        for depth in range(1, most + 1):
            for state in self._unrolling.states(opening, depth - 1):
                for command, known in self._unrolling.applications(state, action):
                    [target] = terms.substitute_all([broken], known)
                    if any(not name[0].isdigit() for name in variables(target)):
                        continue  # the obligation is about a VM or a host that does not exist yet
                    commands = self._find(state, command, target)
                    if commands is not None:
                        history = execute_all(commands)
                        if not terms.evaluate(broken, history.values):
                            raise InternalError(
                                f"{obligation.name} holds after a history that should break it:\n"
                                f"{history.script}\nThis is a bug in Nilometer: please report it."
                            )
                        return history
        return None

    def _required(self, obligation: Obligation, opening: str) -> list[Term]:
        """The assumptions of an obligation, without the VM's own invariants, which hold after any history."""
        required = [condition for condition in obligation.assumes if condition not in self._invariants]
        return [condition for condition in required if opening != "alone" or not _is_about_other(condition)]

    def deciding(
        self, wanted: Mapping[str, Collection[OutcomeAndCode]], most: int
    ) -> Iterator[tuple[str, OutcomeAndCode, CommandHistory]]:
        """A history to each wanted answer of each command, as it is found: a kept one, or else the shortest."""
        missing = {command: set(answers) for command, answers in wanted.items()}
        for command, answers in missing.items():
            for history in self.kept_histories(command):
                answer = _answer(history)
                if answer in answers and len(history.commands) <= most:
                    answers.remove(answer)
                    yield command, answer, history
        for depth in range(1, most + 1):
            for state in self._unrolling.states("alone", depth - 1) if any(missing.values()) else ():
                for command in missing:
                    for history in self._answered(state, self.actions[command], missing[command]):
                        self.searched += 1
                        yield command, _answer(history), history

    def kept_histories(self, command: str) -> list[CommandHistory]:
        """The kept histories of a command that can still be executed."""
        found = self._executed.get(command)
        if found is None:
            found = self._executed[command] = []
            kept = histories_kept() if self._kept is None else self._kept
            for commands in kept.get(command, ()):
                if NAMES[type(commands[-1])] == command:
                    with suppress(NilometerError):
                        found.append(execute_all(commands))
        return found

    def _answered(self, state: SymbolicState, action: Action, missing: set[OutcomeAndCode]) -> Iterator[CommandHistory]:
        """Histories to missing answers in this state, each of which is then missing no more."""
        if not missing:
            return
        for command, known in self._unrolling.applications(state, action):
            outcome, code = terms.substitute_all([action.decision.term("outcome"), action.decision.term("code")], known)
            while missing:
                answers = [
                    terms.both(
                        terms.equal(outcome, terms.constant(wanted_outcome)),
                        terms.equal(code, terms.constant(wanted_code)),
                    )
                    for wanted_outcome, wanted_code in sorted(missing)
                ]
                commands = self._find(state, command, terms.either(*answers), small=False)
                if commands is None:
                    break
                history = execute_all(commands)
                if _answer(history) not in missing:
                    raise InternalError(
                        f"{action.command} is decided {history.last.answer.decision} after\n{history.script}\n"
                        "but the terms that were read say otherwise. This is a bug in Nilometer: please report it."
                    )
                missing.remove(_answer(history))
                yield history

    def _find(
        self, state: SymbolicState, command: SymbolicCommand, target: Term, *, small: bool = True
    ) -> list[Command] | None:
        """Commands with arguments for which the target is true; ``None`` if there are none."""
        if target is terms.FALSE:
            return None
        conditions = (*state.path_condition, *command.conditions, target)
        result = self._solver.ask(*conditions)
        if not result.holds:
            return None
        values = self._solver.smallest(*conditions) if small else result.values
        commands = (*state.commands, command)
        arguments = [argument for command in commands for argument in command.arguments.values()]
        free = variables(*[part for argument in arguments for _, part in leaves(argument)])
        model = {name: terms.simplest_value(variable.sort) for name, variable in free.items()} | dict(values)
        return [command.concretize(model) for command in commands]


def _answer(history: CommandHistory) -> OutcomeAndCode:
    """How the last command of a history is answered."""
    decision = history.last.answer.decision
    return decision.outcome, decision.code


def _is_about_other(condition: Term) -> bool:
    """Whether a condition reads another VM."""
    return any(name.startswith("other.") for name in variables(condition))
