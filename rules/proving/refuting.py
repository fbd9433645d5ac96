"""Refuting: from the model of a refuted obligation to a counterexample that CPython has run."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any, Final, cast

from domain import resizing
from domain.commands import COMMANDS
from domain.deciding.steps import STEPS
from domain.decision import Code
from domain.rule import Rule
from rules.catalogue import predicate_named, says
from rules.concrete.counterexample import Counterexample
from rules.concrete.replay import (
    Call,
    Execution,
    TracingReader,
    Values,
    bare,
    completed,
    confirm,
    of_transition,
    plain,
    ran_by_model,
)
from rules.obligations import Obligation
from rules.search import reachability
from rules.search.reachability import CommandHistory, Search
from rules.solving.prover import Prover
from rules.specification.predicate import is_predicate
from rules.symbolic.source import source_of
from rules.symbolic.values import bring_back
from rules.transitions.host_commands import DECIDE
from rules.wording import figure


class Refuter:
    """Makes counterexamples of models."""

    def __init__(self, prover: Prover, search: Search, program: TracingReader, specification: TracingReader) -> None:
        self._prover = prover
        self._search = search
        self._calls = (program.calls, specification.calls)

    def refute(self, obligation: Obligation, *, steps: int = reachability.MAX_STEPS) -> Counterexample:
        """The counterexample of a refuted obligation: the shortest history's, or a small state's if there is none.

        Raises ``InternalError`` if CPython does not do what the solver says.
        """
        calls = [call for each in self._calls for call in each]
        values = self._prover.smallest(obligation)
        ran = ran_by_model(obligation, values)
        told = confirm(obligation, values, calls)
        history = self._search.breaking(obligation, steps)
        if history is not None:
            ran, values = history.last, history.values
            told = confirm(obligation, values, calls, assumed=False)
        looked_for = 0 if history is not None or obligation.command is None else steps
        return _counterexample(obligation, values, ran, told, history, looked_for)


def _counterexample(
    obligation: Obligation,
    values: Values,
    ran: Execution | None,
    told: list[tuple[Call, Any]],
    history: CommandHistory | None,
    steps: int,
) -> Counterexample:
    program = _deciding(obligation.command)
    before, arguments, decision, after = _figures(obligation, values, ran)
    about = predicate_named(obligation.rule) or (program[0] if program else None)
    return Counterexample(
        obligation=obligation.name,
        rule=obligation.rule,
        place=place(about) if about is not None else "rules/obligations",
        says=says(obligation),
        decided_by=", ".join(f"{each.__name__} ({place(each)})" for each in program),
        command=None if obligation.command is None else bare(obligation.command),
        arguments=arguments,
        before=before,
        decision=decision,
        after=after,
        however=_however(obligation, told),
        script=history.script if history is not None else (),
        steps=steps,
    )


def _figures(
    obligation: Obligation, values: Values, ran: Execution | None
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Before, arguments, decision and after."""
    if ran is not None:
        ids = ("vm", "host", "to", "name")
        command = ran.command
        given: dict[str, Any] = {}
        for name in type(command).__slots__:
            value = getattr(command, name)
            if name in ids:
                given |= {} if value is None else {name: value}
            else:
                given |= plain(value, name)
        return dict(ran.before), given, plain(ran.answer.decision), dict(ran.after)
    transition = obligation.transition
    if transition is None:
        return dict(values), {}, {}, {}
    whole = completed(values, *of_transition(transition))
    given = {path: value for path, value in whole.items() if not path.startswith("site.")}
    before, after = (plain(bring_back(each, whole), "site") for each in (transition.before, transition.after))
    return before, given, plain(bring_back(transition.decision, whole)), after


def _however(obligation: Obligation, told: list[tuple[Call, Any]]) -> str:
    """What contradicts what, said of the rule."""
    answer = next((answer for call, answer in told if call.rule.__name__ == obligation.rule), None)
    if isinstance(answer, Code):
        return "says that nothing speaks against it" if answer is Code.NONE else f"says {answer.value}"
    if obligation.rule.endswith("_is_short"):
        return f"says that the host {'has not' if answer else 'has'} the memory"
    if obligation.kind == "definition" and not isinstance(answer, bool):
        program = next((other for call, other in told if not is_predicate(call.rule)), None)
        return f"says {figure(obligation.rule, answer)}, and the program {figure(obligation.rule, program)}"
    return "does not hold"


def _deciding(command: str | None) -> list[Rule]:
    """The rules of the program that decide a command, and that change the state."""
    if command is None:
        return []
    name = bare(command)
    special = _SPECIAL.get(name)
    if special is not None:
        return [special]
    step = STEPS[cast("Any", COMMANDS[name])]
    return [step.rule, step.change.rule]


_SPECIAL: Final[Mapping[str, Rule]] = {**DECIDE, "set-memory": resizing.set_memory}


def place(function: Rule) -> str:
    """File and line of a rule or sentence, as ``domain/resizing.py:118``: the same wherever it is installed."""
    module = function.__module__.replace(".", "/")
    return f"{module}.py:{source_of(cast('FunctionType', function)).tree.lineno}"
