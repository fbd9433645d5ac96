"""Checks policies: are they consistent, which commands keep them, at which must they be enforced, and what follows.

Each verdict is the solver's; each counterexample was executed by CPython, and the policy, compiled to Python, was asked
of the state before and after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import permutations
from typing import Any, Final

from domain.commands import Command
from domain.errors import InternalError
from domain.state import Power
from rules.concrete.replay import Values, complete, execute_model, figures_of, symbolic_values
from rules.obligations.builder import ObligationBuilder
from rules.policies.compiling import compile_condition
from rules.policies.obligations import PolicyObligation, Sight, policy_obligations, sight_values
from rules.policies.policy import Policy
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import Term
from rules.symbolic.values import as_record, concretize
from rules.transitions.vm_commands import SITE

BUDGET: Final = 20_000_000
"""Solver steps for one question."""
NEVER_REFUSED: Final = ("stop",)
"""Commands that no policy may refuse: the way out of every breach."""


class Kept(StrEnum):
    """Whether a command keeps a policy by the rules alone."""

    KEPT = "kept"
    """Proved: the rules never break it there."""
    ENFORCED = "enforced"
    """The rules alone break it: there is an example, so it has to be enforced there."""
    UNKNOWN = "unknown"
    """The solver gave up within its budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A command after which a policy that held before does not, as CPython executed it. Figures are by path."""

    command: str
    about: str
    arguments: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """The figures that the command changed: before and after."""
        return {
            path: (self.before.get(path), value) for path, value in self.after.items() if self.before.get(path) != value
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """What was found out about one policy."""

    policy: Policy
    possible: bool | None
    """Whether any state keeps it; ``None`` if the solver gave up."""
    possible_running: bool | None
    """Whether a VM that runs, or a host with one, keeps it."""
    implied_by_rules: bool
    """Whether it holds in every state that the rules allow."""
    commands: Mapping[str, Kept]
    """By command: whether it has to be enforced there."""
    refuses_every: tuple[str, ...]
    """Commands of which it would refuse every one that the rules accept, whatever the state that keeps it."""
    blocks: Mapping[str, Example]
    """Commands that no policy may refuse, and that this one would refuse."""
    example: Example | None
    """One command that breaks it as the rules stand."""
    implied_by: tuple[str, ...] = ()
    """Other policies that say it already."""

    @property
    def enforced_at(self) -> tuple[str, ...]:
        """The commands at which it has to be enforced."""
        return tuple(name for name, kept in self.commands.items() if kept is Kept.ENFORCED)

    @property
    def never_bites(self) -> bool:
        """Whether no command ever breaks it, so that it does nothing."""
        return all(kept is Kept.KEPT for kept in self.commands.values())

    @property
    def is_unknown(self) -> bool:
        """Whether something about it was not found out."""
        return self.possible is None or Kept.UNKNOWN in self.commands.values()


@dataclass(frozen=True, slots=True)
class PolicyConflict:
    """Two policies that no VM that runs, or no host with one, keeps together."""

    one: str
    other: str
    always: bool
    """Whether nothing at all keeps both: not even a VM that is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCheck:
    """What was found out about policies."""

    reports: tuple[PolicyReport, ...]
    conflicts: tuple[PolicyConflict, ...]
    obligations: int
    """How many obligations were asked."""
    wrong: tuple[str, ...] = field(default=())
    """The policies that cannot be adopted: impossible, in conflict, or refusing what must never be refused."""

    @property
    def is_unknown(self) -> bool:
        """Whether something was not found out."""
        return any(report.is_unknown for report in self.reports)


def check_policies(policies: Sequence[Policy], builder: ObligationBuilder | None = None) -> PolicyCheck:
    """Checks policies, each alone and in pairs."""
    checker = _Checker(builder or ObligationBuilder())
    reports = [checker.report(policy) for policy in policies]
    conflicts = checker.find_conflicts(policies, reports)
    implied = checker.find_implied(policies)
    reports = [_with_implied(report, implied.get(report.policy.name, ())) for report in reports]
    wrong = {name for conflict in conflicts for name in (conflict.one, conflict.other)}
    wrong |= {report.policy.name for report in reports if report.possible_running is False or report.blocks}
    return PolicyCheck(
        reports=tuple(reports),
        conflicts=tuple(conflicts),
        obligations=checker.asked,
        wrong=tuple(policy.name for policy in policies if policy.name in wrong),
    )


def _with_implied(report: PolicyReport, implied_by: tuple[str, ...]) -> PolicyReport:
    return replace(report, implied_by=implied_by)


class _Checker:
    def __init__(self, builder: ObligationBuilder) -> None:
        self._builder = builder
        self._solver = Solver(BUDGET)
        self._known = builder.invariants(SITE)
        self._running = terms.equal(as_record(SITE["vm"]).term("power"), terms.constant(Power.RUNNING))
        self.asked = 0

    def report(self, policy: Policy) -> PolicyReport:
        """What there is to find out about one policy."""
        commands: dict[str, Kept] = {}
        refuted: list[tuple[PolicyObligation, Values]] = []
        for asked in policy_obligations(self._builder, policy):
            self.asked += 1
            result = self._solver.ask(*asked.obligation.assumes, terms.negation(asked.obligation.goal))
            kept = {False: Kept.KEPT, True: Kept.ENFORCED, None: Kept.UNKNOWN}[result.holds]
            if commands.get(asked.command) in (None, Kept.KEPT) or kept is Kept.ENFORCED:
                commands[asked.command] = kept
            if result.holds:
                run_example(asked, result.values)
                refuted.append((asked, result.values))
        shown = next((asked for asked, _ in refuted if asked.command not in ("register-host", "define-vm")), None)
        return PolicyReport(
            policy=policy,
            possible=self._is_possible(policy.term),
            possible_running=self._is_possible(policy.term, self._running),
            implied_by_rules=self._is_possible(terms.negation(policy.term)) is False,
            commands=commands,
            refuses_every=tuple(self._find_shut_off(asked for asked, _ in refuted)),
            blocks={asked.command: self._small(asked) for asked, _ in refuted if asked.command in NEVER_REFUSED},
            example=None if shown is None else self._small(shown),
        )

    def _is_possible(self, *conditions: Term) -> bool | None:
        return self._solver.ask(*self._known, *conditions, with_values=False).holds

    def _find_shut_off(self, refuted: Iterable[PolicyObligation]) -> list[str]:
        """The commands that are never accepted while the policy holds before and after."""
        shut: dict[str, bool] = {}
        for asked in refuted:
            obligation = asked.obligation
            possible = self._solver.ask(*obligation.assumes, obligation.goal, with_values=False).holds
            shut[asked.command] = shut.get(asked.command, False) or possible is False
        return [command for command, is_shut in shut.items() if is_shut]

    def _small(self, asked: PolicyObligation) -> Example:
        obligation = asked.obligation
        return run_example(asked, self._solver.smallest(*obligation.assumes, terms.negation(obligation.goal)))

    # Pairs

    def find_conflicts(self, policies: Sequence[Policy], reports: Sequence[PolicyReport]) -> list[PolicyConflict]:
        """Pairs that may apply to one VM or host, each possible, and not together."""
        found: list[PolicyConflict] = []
        alone = {report.policy.name: report.possible_running for report in reports}
        for number, one in enumerate(policies):
            for other in policies[number + 1 :]:
                if not one.scope.meets(other.scope) or False in (alone[one.name], alone[other.name]):
                    continue
                if self._is_possible(one.term, other.term, self._running) is False:
                    always = self._is_possible(one.term, other.term) is False
                    found.append(PolicyConflict(one.name, other.name, always))
        return found

    def find_implied(self, policies: Sequence[Policy]) -> dict[str, tuple[str, ...]]:
        """By policy: the others that say it already, of all to which it applies."""
        implied: dict[str, tuple[str, ...]] = {}
        for one, other in permutations(policies, 2):
            if other.scope.covers(one.scope) and self._is_possible(other.term, terms.negation(one.term)) is False:
                implied[one.name] = (*implied.get(one.name, ()), other.name)
        return implied


def run_example(asked: PolicyObligation, model: Values) -> Example:
    """Executes a model of a refuted obligation. Raises ``InternalError`` if CPython does not do what it says."""
    obligation = asked.obligation
    needed = [obligation.goal, *obligation.assumes, *sight_values(asked.after)]
    if obligation.transition is not None:
        needed += symbolic_values(obligation.transition)
    values = complete(model, *needed)
    execution = execute_model(obligation, values)
    before = True if asked.before is None else _ask(asked.policy, asked.before, values)
    after = _ask(asked.policy, asked.after, values)
    if not before or after:
        raise InternalError(
            f"{asked.policy.name} is {before} before {asked.command} and {after} after it in the program, which is no "
            "counterexample.\nThis is a bug in Nilometer, in its reader of policies: please report it."
        )
    arguments = {} if execution is None else _arguments(execution.command)
    return Example(
        command=asked.command,
        about=asked.about,
        arguments=arguments,
        before={} if execution is None else execution.before,
        after={} if execution is None else execution.after,
    )


def _ask(policy: Policy, sight: Sight, values: Values) -> bool:
    """Asks a policy, compiled to Python, of the values of a sight."""
    vm = None if sight.vm is None else concretize(sight.vm, complete(values, sight.vm))
    return compile_condition(policy.term)(vm, concretize(sight.host, complete(values, sight.host)))


def _arguments(command: Command) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name in type(command).__slots__:
        value = getattr(command, name)
        if name not in ("vm", "host", "to", "name"):
            arguments |= figures_of(value, name)
        elif value is not None:
            arguments[name] = value
    return arguments
