"""Causes: what is wrong in a program of which several obligations are refuted, so that it is shown once.

A helper that computes another figure than the specification is wrong, and so is what comes of it. Otherwise the rules
that all refuted commands call, and no other command, are under suspicion; or each command's own. Of these, one that
computes what the specification says is right, and so is one that could answer what it wants (see ``suspects``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from domain.commands import COMMANDS
from domain.deciding.steps import HOST_RECORDINGS, RECORDINGS
from domain.rule import RULES, Rule
from rules.obligations.builder import base_command
from rules.obligations.definitions import DEFINITIONS
from rules.proving.calls import closure
from rules.proving.refuting import rules_of_command
from rules.proving.result import ProofResult
from rules.proving.suspects import Suspects
from rules.solving.verdict import ProofVerdict
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
    asked = {base_command(result.command) for result in results if result.command}
    broken = {base_command(result.command) for result in refuted if result.command}
    explained_already = {base_command(result.command) for cause in causes for result in cause.results if result.command}
    kept = asked - broken - explained_already
    right = {_HELPERS.get(result.rule) for result in results if _is_proved_definition(result)}
    suspects = Suspects()

    def only_wrong(commands: Collection[str], refuted: Sequence[ProofResult]) -> list[Rule]:
        """The rules that can be the only wrong one: first of those that no command calls which keeps its rules."""
        for others in (kept, ()):
            candidates = [rule for rule in _only_in(commands, others) if rule not in right]
            found = suspects.narrow(candidates, refuted)
            if found:
                return found
        return []

    all_asked = asked >= COMMANDS.keys()
    together = only_wrong(broken, refuted) if all_asked else []
    if together or len(broken) < 2 or (not all_asked and _only_in(broken, kept)):
        deciding = _decide(broken) if len(broken) == 1 else _only_in(broken, kept)
        says = _suspicion(together, refuted) if together else _decided(deciding, refuted, all_asked=all_asked)
        return [*causes, _cause(says, refuted)]
    for command in sorted(broken):
        group = [result for result in refuted if base_command(result.command or "") == command]
        found = only_wrong({command}, group) if all_asked else []
        says = _suspicion(found, group) if found else _decided(_decide([command]), group, all_asked=all_asked)
        causes.append(_cause(says, group))
    rest = [result for result in refuted if not result.command]
    return [*causes, *([_cause("", rest)] if rest else [])]


def _decide(commands: Iterable[str]) -> list[Rule]:
    """The rules that decide commands and replay their events."""
    return list(dict.fromkeys(rule for command in commands for rule in rules_of_command(command)))


def _is_proved_definition(result: ProofResult) -> bool:
    return result.kind == "definition" and result.verdict is ProofVerdict.PROVED


def _cause(says: str, results: Sequence[ProofResult]) -> Cause:
    return Cause(says, tuple(sorted(results, key=_by_history)))


def _by_history(result: ProofResult) -> tuple[bool, int, bool]:
    """A sort key: a history from an empty host before none, a short one before a long one, a command before none."""
    example = result.counterexample
    steps = 0 if example is None else len(example.script)
    return steps == 0, steps, result.command is None


def _suspicion(found: Sequence[Rule], refuted: Sequence[ProofResult]) -> str:
    """The rules that can be the only wrong one: those of them that call no other of them."""
    innermost = [rule for rule in found if not any(other is not rule and other in closure(rule) for other in found)]
    calls = ", or of how it is called" if len(innermost) < len(found) else ""
    return f"{_subject(refuted, 'comes', 'come')} of {' or '.join(map(_place, innermost))}{calls}."


def _decided(rules: Sequence[Rule], refuted: Sequence[ProofResult], *, all_asked: bool) -> str:
    """The rules that decide, where it is not known which of them, or of those that they call, is wrong."""
    if not rules:
        return ""
    why = "no rule alone can be what is wrong" if all_asked else "a proof of all commands says which rule is wrong"
    return f"{_subject(refuted, 'is', 'are')} decided by {_named(rules)}; {why}."


def _subject(refuted: Sequence[ProofResult], one: str, many: str) -> str:
    return f"It {one}" if len(refuted) == 1 else f"All {len(refuted)} that are refuted {many}"


def _named(rules: Sequence[Rule]) -> str:
    return ", ".join(map(_place, rules))


def _place(rule: Rule) -> str:
    return f"{rule.__qualname__} ({source_of(rule).location})"


_HELPERS: Final = {predicate.__name__: helper for helper, predicate in DEFINITIONS}


def _reached_by(result: ProofResult) -> frozenset[Rule]:
    """The rules of the program that a result is about, and all that they call."""
    if result.kind == "definition":
        return closure(_HELPERS[result.rule]) if result.rule in _HELPERS else frozenset()
    if result.command is None:
        return frozenset()
    return closure(*rules_of_command(result.command), *_recordings(result.command))


def _only_in(commands: Collection[str], others: Collection[str]) -> list[Rule]:
    """The rules that decide all of these commands and none of the others, in the order of the program."""
    reached = [_calls(command) for command in commands]
    common = frozenset[Rule]().union(*reached).intersection(*reached) if reached else frozenset[Rule]()
    common -= frozenset[Rule]().union(*map(_calls, others))
    return [rule for rule in RULES if rule in common]


def _calls(command: str) -> frozenset[Rule]:
    return closure(*rules_of_command(command), *_recordings(command))


def _recordings(command: str) -> list[Rule]:
    """The rule that says what a command records."""
    kind = COMMANDS[base_command(command)]
    recording = RECORDINGS.get(cast("Any", kind)) or HOST_RECORDINGS.get(cast("Any", kind))
    return [] if recording is None else [recording]
