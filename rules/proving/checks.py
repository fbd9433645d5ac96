"""Checks: what keeps the verdicts honest. They are part of every run, and listed like obligations.

*vacuity*: the assumptions of an obligation are satisfiable, else it would be proved of nothing. *reached*: each way in
which a command can be answered is reached by a history from an empty host, which CPython executes. *dead*: an answer
that no reachable state gives, by design. *guard*: each condition of each command matters in some state. *redundancy*:
no invariant follows from the others, except the theorems. *canary*: what is false is refuted. *independence*: the
specification calls no rule of the program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, cast

from domain.decision import Code, Outcome
from domain.errors import InternalError
from domain.guests import Guest
from domain.rule import is_rule
from domain.settings import Mode
from domain.state import Power, Site
from rules.concrete.replay import Values, complete, execute_transition
from rules.obligations import Obligation, ObligationBuilder
from rules.obligations.builder import can_be_written
from rules.obligations.groups import GROUP, group_agrees, group_replayed, recorded_on_group
from rules.proving.check import Check, check_of, negated, verdict_of, worst_first
from rules.search.actions import Action
from rules.search.guards import check_guards, preconditions
from rules.search.reachability import MAX_STEPS, CommandHistory, OutcomeAndCode, Search
from rules.solving.solver import SatResult, Solver
from rules.solving.verdict import ProofVerdict
from rules.specification.conditions import why_not_start
from rules.specification.invariants import INVARIANTS, THEOREMS, book_agrees
from rules.symbolic import terms
from rules.symbolic.terms import FALSE, TRUE, Evaluator, Literal, Term
from rules.symbolic.values import SymbolicRecord, as_record, leaves
from rules.transitions.vm_commands import SITE, Transition


class Checks:
    """All checks of one program and its specification."""

    def __init__(
        self,
        builder: ObligationBuilder,
        obligations: Sequence[Obligation],
        search: Search,
        budget: int,
        solver: Solver | None = None,
    ) -> None:
        """``solver`` may be one that is free by now, and knows the terms of the obligations."""
        self._builder = builder
        self._obligations = obligations
        self._search = search
        self._solver = solver or Solver(budget)
        self._found: list[dict[str, Literal]] = []
        """States that satisfy the assumptions of some obligations, the newest first."""
        self._states: dict[str, list[Values]] = {}
        """States in which each command can be decided."""
        self.histories: dict[str, list[CommandHistory]] = {}
        """The histories that ``reached`` found, by command."""

    def all(self, rules: Collection[str] = (), commands: Collection[str] = ()) -> Iterator[Check]:
        """Runs the checks; with rules or commands, only those about them. Yields each result as it is known."""
        if self._obligations:
            yield from self.vacuity()
        if not rules:
            yield from self.reached(commands)
            yield from self.dead(commands)
            yield from self.guards(commands)
        if not commands:
            yield from self.redundancy(rules)
        if not rules and not commands:
            yield from self.independence()
            yield from self.canaries()

    # Assumptions

    def vacuity(self) -> Iterator[Check]:
        """The assumptions of obligations are satisfiable: a check for each command and kind with assumptions."""
        groups: dict[tuple[str | None, str], dict[tuple[Term, ...], None]] = {}
        for obligation in self._obligations:
            if obligation.assumes:
                groups.setdefault((obligation.command, obligation.kind), {})[obligation.assumes] = None
        results: dict[tuple[Term, ...], SatResult] = {}
        for (command, kind), group in groups.items():
            begun = time.perf_counter()
            for assumes in group:
                if assumes not in results:
                    results[assumes] = self._satisfied(assumes)
            worst = min((results[assumes] for assumes in group), key=worst_first)
            wrong = "no state satisfies the assumptions: the obligations are proved of nothing"
            yield check_of("vacuity", kind, command, begun, worst, wrong)

    def _satisfied(self, assumes: Sequence[Term]) -> SatResult:
        """Whether assumptions are satisfiable: by a state that satisfied others, or else by one that is searched."""
        evaluate = Evaluator(assumes)
        defaults = complete({}, *assumes)
        for state in self._found:
            if all(evaluate(defaults | state)):
                return SatResult(True, state)
        result = self._solver.ask(*assumes)
        if result.holds:
            self._found.insert(0, dict(result.values))
        return result

    def redundancy(self, rules: Collection[str] = ()) -> Iterator[Check]:
        """No invariant follows from the others, except the theorems, which do."""
        terms_of = dict(zip(INVARIANTS, self._builder.invariants(SITE), strict=True))
        for invariant, term in terms_of.items():
            if rules and invariant.__name__ not in rules:
                continue
            begun = time.perf_counter()
            others = [
                other_term for other, other_term in terms_of.items() if other is not invariant and other not in THEOREMS
            ]
            result = self._solver.ask(*others, terms.negation(term), with_values=False)
            wrong = "it follows from the others: mark it as a theorem, or leave it out"
            if invariant in THEOREMS:
                result, wrong = negated(result), "it does not follow from the others"
            yield check_of("redundancy", invariant.__name__, None, begun, result, wrong)

    # Answers

    def reached(self, commands: Collection[str] = (), most: int = MAX_STEPS + 1) -> Iterator[Check]:
        """Each way in which a command can be answered is reached by a history of at most ``most`` commands.

        Raises ``InternalError`` if the decider or the aggregates do not agree with the transitions.
        """
        wanted = {action.command: self._possible_answers(action) for action in self._chosen(commands)}
        missing = {(command, answer) for command, answers in wanted.items() for answer in answers}
        begun = time.perf_counter()
        for command, answer, history in self._search.deciding(wanted, most):
            self.histories.setdefault(command, []).append(history)
            transition = self._builder.transitions.get(command)
            if transition is not None:
                execute_transition(transition, history.values)
            missing.discard((command, answer))
            yield Check(
                kind="reached",
                rule=text_of(answer),
                command=command,
                verdict=ProofVerdict.PROVED,
                seconds=time.perf_counter() - begun,
            )
            begun = time.perf_counter()
        for command, answer in sorted(missing):
            yield Check(
                kind="reached",
                rule=text_of(answer),
                command=command,
                verdict=ProofVerdict.UNKNOWN,
                seconds=0.0,
                reason="the invariants allow this answer, but none of the searched histories leads to it",
            )

    def _chosen(self, commands: Collection[str]) -> list[Action]:
        return [action for command, action in self._search.actions.items() if not commands or command in commands]

    def _possible_answers(self, action: Action) -> set[OutcomeAndCode]:
        """All ways in which a command can be answered where the invariants hold."""
        outcome, code = action.decision.term("outcome"), action.decision.term("code")
        evaluate = Evaluator([outcome, code])
        found = {cast("OutcomeAndCode", tuple(evaluate(state))) for state in self._known_states(action)}
        with self._solver.assuming(preconditions(self._builder, action)):
            others = [_is_not(outcome, code, answer) for answer in sorted(found)]
            while (result := self._solver.ask(*others)).holds:
                answer = cast("OutcomeAndCode", tuple(evaluate(complete(result.values, outcome, code))))
                if answer in found:
                    raise InternalError(
                        f"the solver and the terms differ in how {action.command} is answered: {answer}"
                    )
                found.add(answer)
                others.append(_is_not(outcome, code, answer))
        if result.holds is None:
            raise InternalError(f"the solver cannot say how {action.command} is answered: {result.reason}")
        return found

    def _known_states(self, action: Action) -> list[Values]:
        """States in which a command can be decided, for which the solver need not be asked.

        Kept histories lead to them. What they are good for is evaluated: first, whether the preconditions are true.
        """
        known = self._states.get(action.command)
        if known is None:
            conditions = preconditions(self._builder, action)
            evaluate = Evaluator(conditions)
            histories = self._search.kept_histories(action.command)
            states = [complete(history.values, *conditions, action.decision) for history in histories]
            known = self._states[action.command] = [state for state in states if all(evaluate(state))]
        return known

    def dead(self, commands: Collection[str] = ()) -> Iterator[Check]:
        """No reachable state gives the answers in ``DEAD``."""
        for command, figures, never in DEAD:
            if commands and command not in commands:
                continue
            action = self._search.actions[command]
            begun = time.perf_counter()
            conditions = [*_equal_to(as_record(SITE["vm"]), figures), *_equal_to(action.decision, never)]
            result = self._solver.ask(*preconditions(self._builder, action), *conditions, with_values=False)
            name = " ".join(value.value for value in never.values())
            if figures:
                name += f" if {' and '.join(value.value for value in figures.values())}"
            wrong = "a state that satisfies the invariants gives this answer"
            yield check_of("dead", name, command, begun, negated(result), wrong)

    # Conditions

    def guards(self, commands: Collection[str] = ()) -> Iterator[Check]:
        """Each condition of a command matters: see ``rules.search.guards``."""
        for action in self._chosen(commands):
            begun = time.perf_counter()
            states = self._known_states(action)
            for atom, result in check_guards(self._builder, action, self._solver, states):
                wrong = "the answer never depends on this condition"
                yield check_of("guard", terms.show(atom), action.command, begun, result, wrong)
                begun = time.perf_counter()

    # False goals

    def canaries(self) -> Iterator[Check]:
        """False goals are refuted: a solver or a reader that proves one of these proves anything."""
        transitions = self._builder.transitions
        add, start = transitions["add-memory"], transitions["start"]
        assumes = self._builder.state_assumptions(add)
        vm_saved = SymbolicRecord(Site, {**add.before.fields, "vm": add.after["vm"]})
        host_saved = SymbolicRecord(Site, {**add.after.fields, "vm": add.before["vm"]})
        goals: dict[str, tuple[list[Term], Term]] = {
            "a false goal": (assumes, FALSE),
            "only the VM's half is saved": (assumes, self._builder.apply(book_agrees, site=vm_saved)),
            "only the host's half is saved": (assumes, self._builder.apply(book_agrees, site=host_saved)),
            "a reader that forgets a case": self._forgetful_reader(start),
            "a group's book counts a VM that is not in it": self._group_of_all(start),
        }
        for name, (conditions, goal) in goals.items():
            begun = time.perf_counter()
            result = self._solver.ask(*conditions, terms.negation(goal), with_values=False)
            wrong = "it was not refuted: no verdict of this run can be trusted"
            yield check_of("canary", name, None, begun, result, wrong)

    def _forgetful_reader(self, start: Transition) -> tuple[list[Term], Term]:
        """The obligation that ``start`` gives its true reasons, as read by a reader that forgets the power state."""
        is_off = terms.equal(as_record(SITE["vm"]).term("power"), terms.constant(Power.OFF))
        [code] = terms.replace_all([start.decision.term("code")], is_off, TRUE)
        why = self._builder.apply(why_not_start, site=SITE)
        return can_be_written(start.arguments), terms.equal(code, why)

    def _group_of_all(self, start: Transition) -> tuple[list[Term], Term]:
        """The obligation that ``start`` keeps the book of a group, if the decider read the books of all groups."""
        builder = self._builder
        written = group_replayed(recorded_on_group(builder, start))
        return [group_agrees(builder, GROUP, SITE["vm"])], group_agrees(builder, written, start.after["vm"])

    # The specification

    def independence(self) -> Iterator[Check]:
        """The specification calls no rule of the program, and its modules import none."""
        begun = time.perf_counter()
        reached = self._builder.specification.reached
        called = [name for name, function in reached.items() if is_rule(function)]
        yield _independence("reaches_no_rule", begun, f"it reaches {', '.join(called)}" if called else "")
        begun = time.perf_counter()
        imported = sorted(
            f"{sys.modules[module].__name__}.{name}"
            for module in {function.__module__ for function in reached.values()}
            for name, value in vars(sys.modules[module]).items()
            if is_rule(value)
        )
        yield _independence("names_no_rule", begun, f"it names {', '.join(imported)}" if imported else "")


def _independence(name: str, begun: float, reason: str) -> Check:
    return Check(
        kind="independence",
        rule=name,
        command=None,
        verdict=verdict_of(not reason),
        seconds=time.perf_counter() - begun,
        reason=reason,
    )


def _is_not(outcome: Term, code: Term, answer: OutcomeAndCode) -> Term:
    """The term that is true if an answer is another one."""
    same = [terms.equal(part, terms.constant(value)) for part, value in zip((outcome, code), answer, strict=True)]
    return terms.negation(terms.both(*same))


DEAD: Final[tuple[tuple[str, dict[str, StrEnum], dict[str, StrEnum]], ...]] = (
    ("reboot-guest", {"memory.mode": Mode.STATIC}, {"outcome": Outcome.FAILED}),
    ("move-vm", {"power": Power.SAVED}, {"outcome": Outcome.FAILED}),
    ("move-vm", {"power": Power.OFF}, {"outcome": Outcome.FAILED}),
    ("reclaim", {"guest": Guest.WINDOWS_LEGACY}, {"code": Code.MEMORY_IN_USE}),
    ("move-vm", {}, {"code": Code.WRONG_POWER_STATE}),
    ("configure-memory", {}, {"code": Code.WRONG_POWER_STATE}),
    ("set-reserve", {}, {"code": Code.INVALID_SETTING}),
)
"""Answers that no reachable state gives, by design: a command, figures of the VM, and a part of the answer."""


def _equal_to(record: SymbolicRecord, figures: Mapping[str, StrEnum]) -> list[Term]:
    parts = dict(leaves(record))
    return [terms.equal(parts[path], terms.constant(value)) for path, value in figures.items()]


def text_of(answer: OutcomeAndCode) -> str:
    """An answer as text: the outcome and, if there is one, the code, as ``rejected wrong-power-state``."""
    outcome, code = answer
    return outcome.value if code is Code.NONE else f"{outcome.value} {code.value}"
