"""Refuting: from the model of a refuted obligation to a counterexample that CPython has executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from domain.commands import COMMANDS
from domain.deciding.redecide import HOST_DECISIONS
from domain.deciding.steps import STEPS
from domain.decision import Code
from domain.recording.groups import GroupRecording
from domain.recording.vms.memory import record_set_memory
from domain.rule import Rule
from rules.catalogue import describe, predicate_named
from rules.concrete.counterexample import Counterexample, Figures
from rules.concrete.replay import (
    Call,
    Execution,
    TracingReader,
    Values,
    arguments_of,
    complete,
    confirm,
    execute_model,
    figures_of,
    symbolic_values,
)
from rules.obligations.builder import Obligation, base_command
from rules.search import reachability
from rules.search.reachability import Search
from rules.solving.prover import Prover
from rules.specification.predicate import is_predicate
from rules.symbolic.source import source_of
from rules.symbolic.values import concretize
from rules.wording import format_figures


class Refuter:
    """Makes counterexamples of refuted obligations."""

    def __init__(self, prover: Prover, search: Search, program: TracingReader, specification: TracingReader) -> None:
        self._prover = prover
        self._search = search
        self._readers = (program, specification)

    def refute(self, obligation: Obligation, *, steps: int = reachability.MAX_STEPS) -> Counterexample:
        """The counterexample of a refuted obligation: from the shortest history, or else from a small state.

        Raises ``InternalError`` if CPython does not do what the solver says.
        """
        calls = [call for reader in self._readers for call in reader.calls]
        values = self._prover.smallest(obligation)
        execution = execute_model(obligation, values)
        results = confirm(obligation, values, calls)
        history = self._search.breaking(obligation, steps)
        if history is not None:
            execution, values = history.last, history.values
            results = confirm(obligation, values, calls, assumed=False)
        program = rules_of_command(obligation.command)
        figures = _execution_figures(execution) if execution is not None else _model_figures(obligation, values)
        before, after = _book_of_group(results)
        rule = predicate_named(obligation.rule) or (program[0] if program else None)
        return Counterexample(
            obligation=obligation.name,
            rule=obligation.rule,
            place=source_of(rule).location if rule is not None else "rules/obligations",
            says=describe(obligation),
            decided_by=", ".join(f"{decider.__name__} ({source_of(decider).location})" for decider in program),
            command=None if obligation.command is None else base_command(obligation.command),
            arguments=figures.arguments,
            before={**figures.before, **before},
            decision=figures.decision,
            after={**figures.after, **after},
            however=_contradiction(obligation, results),
            script=history.script if history is not None else (),
            steps=0 if history is not None or obligation.command is None else steps,
            values=values,
        )


class _Figures(NamedTuple):
    before: Figures
    arguments: Figures
    decision: Figures
    after: Figures


def _execution_figures(execution: Execution) -> _Figures:
    return _Figures(
        before=execution.before,
        arguments=arguments_of(execution.command),
        decision=figures_of(execution.answer.decision),
        after=execution.after,
    )


def _model_figures(obligation: Obligation, values: Values) -> _Figures:
    """The figures of a model that CPython cannot execute: one without a command, or a move to the VM's own host."""
    transition = obligation.transition
    if transition is None:
        return _Figures(before=values, arguments={}, decision={}, after={})
    values = complete(values, *symbolic_values(transition))
    return _Figures(
        before=figures_of(concretize(transition.before, values), "site"),
        arguments={path: value for path, value in values.items() if not path.startswith("site.")},
        decision=figures_of(concretize(transition.decision, values)),
        after=figures_of(concretize(transition.after, values), "site"),
    )


def _book_of_group(results: list[tuple[Call, Any]]) -> tuple[Figures, Figures]:
    """The book of the group of an obligation, before its command and after it; nothing if it is about none."""
    for _, result in results:
        if isinstance(result, GroupRecording):
            return figures_of(result.before, "group"), figures_of(result.after, "group")
    return {}, {}


def _contradiction(obligation: Obligation, results: list[tuple[Call, Any]]) -> str:
    """What the rule says of the counterexample, as a verb phrase."""
    result = next((result for call, result in results if call.rule.__name__ == obligation.rule), None)
    if isinstance(result, Code):
        return "gives no reason against it" if result is Code.NONE else f"gives the reason {result.value}"
    if obligation.rule.endswith("_is_short"):
        return f"says that the host {'does not have' if result else 'has'} the memory"
    if obligation.kind == "definition" and not isinstance(result, bool):
        program = next((other for call, other in results if not is_predicate(call.rule)), None)
        specified, computed = format_figures(obligation.rule, [result, program])
        return f"gives {specified}, but the program {computed}"
    return "does not hold"


def rules_of_command(command: str | None) -> list[Rule]:
    """The rules of the program that decide a command and that replay its event."""
    if command is None:
        return []
    name = base_command(command)
    if name in _OTHER_RULES:
        return [_OTHER_RULES[name]]
    step = STEPS[cast("Any", COMMANDS[name])]
    return [step.rule, step.change.rule]


_OTHER_RULES: Final[Mapping[str, Rule]] = {**HOST_DECISIONS, "set-memory": record_set_memory}
"""The deciding rules of the commands that are not in ``STEPS``."""
