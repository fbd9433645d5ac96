"""A goal as people type it, ``db02 >= 16GiB``: the commands that reach it, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.commands import Command, SetMemory
from domain.deciding.world import World
from domain.errors import InputError
from domain.settings import Mode
from domain.shapes import parse_size
from domain.state import Power
from nilometer.planning.asking import CanAnswer, Possibility, ask
from rules.concrete.world import line_of
from rules.policies.policy import Policy
from rules.wording import format_exact_sizes, format_typed

_GOAL: Final = re.compile(r"\s*(?P<vm>.+?)\s*>=\s*(?P<size>\S+)\s*")


@dataclass(frozen=True, slots=True)
class Goal:
    """That a VM has at least so much memory, in bytes."""

    vm: str
    size: int

    def __str__(self) -> str:
        return f"{self.vm} >= {format_typed(self.size)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalAnswer:
    """How a goal is reached."""

    goal: Goal
    lines: tuple[dict[str, Any], ...]
    """The commands as lines of a script; none where it is reached already, or not at all."""
    reached: bool
    """Whether it is reached after the commands."""
    asked: Possibility | None
    """Whether the last command would be granted now; ``None`` where it is reached already."""


def parse_goal(text: str) -> Goal | None:
    """The goal that a text says; ``None`` if it says none. Raises ``InputError`` for a size that cannot be read."""
    match = _GOAL.fullmatch(text)
    if match is None:
        return None
    try:
        return Goal(match["vm"], parse_size(match["size"]))
    except ValueError as error:
        raise InputError(f"{text}: {error}", hint="write a goal as 'db02 >= 16GiB'") from None


def plan_goal(
    world: World, goal: Goal, *, within: int, without: Iterable[str], keep: Sequence[Policy] = (), option: int = 1
) -> GoalAnswer:
    """Finds commands after which a decided VM has so much memory. ``option`` is which of those that are found.

    Raises ``InputError`` for an option that there is not, and for a VM that Dynamic Memory sizes.
    """
    vm = world.vm(goal.vm).state
    if vm.memory.mode is Mode.DYNAMIC:
        maximum = format_exact_sizes([vm.memory.maximum])[0]
        raise InputError(
            f"{goal.vm} is sized by Dynamic Memory: it has what it needs, up to {maximum}",
            hint=f"raise its maximum: nilo do configure-memory {goal.vm} --help",
        )
    has = vm.memory.startup if vm.power is Power.OFF else vm.assigned
    if has >= goal.size:
        return GoalAnswer(goal=goal, lines=(), reached=True, asked=None)
    command = SetMemory(goal.vm, goal.size)
    asked = ask(world, command, within=within, without=without, keep=keep)
    if asked.answer is CanAnswer.YES:
        return GoalAnswer(goal=goal, lines=(_line_of(command, goal),), reached=True, asked=asked)
    found = () if asked.options is None else asked.options.found
    if not found:
        return GoalAnswer(goal=goal, lines=(), reached=False, asked=asked)
    if not 1 <= option <= len(found):
        raise InputError(f"there is no option {option}: {len(found)} were found", hint="nilo can … --all shows them")
    lines = [_line_of(step.command, goal) for step in found[option - 1].steps]
    return GoalAnswer(goal=goal, lines=(*lines, _line_of(command, goal)), reached=True, asked=asked)


def _line_of(command: Command, goal: Goal) -> dict[str, Any]:
    return {**line_of(command), "reason": f"plan: {goal}"}
