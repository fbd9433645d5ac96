"""Causes: what is wrong in a program of which several obligations are refuted, so that it is shown once.

A helper that computes another figure than the specification is wrong, and so is what comes of it. Otherwise the rules
that all refuted commands call, and no other command, are under suspicion; or each command's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any, Final, cast

from domain.commands import COMMANDS
from domain.deciding.steps import HOST_RECORDINGS, RECORDINGS
from domain.rule import RULES, Rule
from rules.obligations.builder import base_command
from rules.obligations.definitions import DEFINITIONS
from rules.proving.refuting import rules_of_command
from rules.proving.result import ProofResult
from rules.symbolic.source import source_of


@dataclass(frozen=True, slots=True)
class Cause:
    """Refuted obligations that one mistake explains."""

    says: str
    """What is wrong, with file and line, as a sentence."""
    results: tuple[ProofResult, ...]
    """The refuted obligations, the one with the shortest history first: it is the one to show."""


def find_causes(results: Iterable[ProofResult]) -> list[Cause]:
    """The causes of all refuted obligations that have a counterexample. Each obligation is in one of them."""
    results = list(results)
    refuted = [result for result in results if result.counterexample is not None]
    causes: list[Cause] = []
    wrong = [result for result in refuted if result.kind == "definition" and result.rule in _HELPERS]
    for definition in sorted(wrong, key=lambda result: len(_reached_by(result))):  # what others call comes first
        helper = _HELPERS[definition.rule]
        explained = [result for result in refuted if helper in _reached_by(result)]
        if explained:
            says = f"{_named([helper])} computes another figure than the specification, {definition.rule}."
            causes.append(_cause(says, explained))
            refuted = [result for result in refuted if result not in explained]
    if not refuted:
        return causes
    broken = {base_command(result.command) for result in refuted if result.command}
    kept = {base_command(result.command) for result in results if result.command} - broken
    kept -= {base_command(result.command) for cause in causes for result in cause.results if result.command}
    common = _only_in(broken, kept)
    if len(broken) < 2 or common:
        groups = [(common, refuted)]
    else:
        groups = [
            (_only_in({command}, kept), [result for result in refuted if base_command(result.command or "") == command])
            for command in sorted(broken)
        ]
        groups.append(([], [result for result in refuted if not result.command]))
    for rules, group in groups:
        if group:
            causes.append(_cause(_suspicion(rules, len(group), len(broken)), group))
    return causes


def _cause(says: str, results: Sequence[ProofResult]) -> Cause:
    return Cause(says, tuple(sorted(results, key=_by_history)))


def _by_history(result: ProofResult) -> tuple[bool, int, bool]:
    """A sort key: a history from an empty host before none, a short one before a long one, a command before none."""
    example = result.counterexample
    steps = 0 if example is None else len(example.script)
    return steps == 0, steps, result.command is None


def _suspicion(rules: Sequence[Rule], refuted: int, commands: int) -> str:
    if not rules:
        return ""
    if refuted == 1:
        return f"It is decided by {_named(rules)}."
    if commands == 1:
        return f"All {refuted} that are refuted are about one command, decided by {_named(rules)}."
    return f"All {refuted} that are refuted come of {_named(rules)}, and nothing that is proved does."


def _named(rules: Sequence[Rule]) -> str:
    return ", ".join(f"{rule.__qualname__} ({source_of(rule).location})" for rule in rules)


_HELPERS: Final = {predicate.__name__: helper for helper, predicate in DEFINITIONS}


def _reached_by(result: ProofResult) -> frozenset[Rule]:
    """The rules of the program that a result is about, and all that they call."""
    if result.kind == "definition":
        return _closure(_HELPERS[result.rule]) if result.rule in _HELPERS else frozenset()
    if result.command is None:
        return frozenset()
    kind = COMMANDS[base_command(result.command)]
    recording = RECORDINGS.get(cast("Any", kind)) or HOST_RECORDINGS.get(cast("Any", kind))
    return _closure(*rules_of_command(result.command), *([] if recording is None else [recording]))


def _only_in(commands: Collection[str], others: Collection[str]) -> list[Rule]:
    """The rules that decide all of these commands and none of the others, in the order of the program."""
    reached = [_calls(command) for command in commands]
    common = frozenset[Rule]().union(*reached).intersection(*reached) if reached else frozenset[Rule]()
    common -= frozenset[Rule]().union(*map(_calls, others))
    return [rule for rule in RULES if rule in common]


def _calls(command: str) -> frozenset[Rule]:
    return _closure(*rules_of_command(command))


@cache
def _closure(*rules: Rule) -> frozenset[Rule]:
    """These rules, and all that they call, directly or not."""
    reached: set[Rule] = set()
    waiting = list(rules)
    while waiting:
        rule = waiting.pop()
        if rule not in reached:
            reached.add(rule)
            waiting += _called_by(rule)
    return frozenset(reached)


@cache
def _called_by(rule: Rule) -> tuple[Rule, ...]:
    """The rules whose names stand in a rule's code; a property by its last name, of whatever record it is."""
    function = cast("FunctionType", rule)
    names = function.__code__.co_names
    known = [function.__globals__.get(name) for name in names]
    return tuple(
        other
        for other in RULES
        if any(other is value for value in known) or ("." in other.__qualname__ and other.__name__ in names)
    )
