"""Checks policies: are they consistent, which commands keep them, at which must they be enforced, and what follows.

Each verdict is the solver's; each counterexample was executed by CPython, and the policy, compiled to Python, was asked
of the state before and after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain, combinations, product
from typing import Final

from domain.deciding.enforced import FACTS, WAYS_OUT
from domain.guests import Guest
from domain.settings import Mode
from domain.state import Power
from rules.concrete.replay import Values
from rules.obligations.builder import ObligationBuilder, running_rules
from rules.policies.arguments import OTHER
from rules.policies.clearing import ClearedPairs
from rules.policies.examples import Example, run_example
from rules.policies.obligations import PolicyObligation, policy_obligations
from rules.policies.policy import Policy
from rules.policies.relating import Known, implying, together
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Term
from rules.symbolic.values import SymbolicRecord, as_record
from rules.transitions.vm_commands import SITE

_UNUSUAL: Final = FACTS | {"register-host", "define-vm"}
"""Commands whose examples are shown only if no other command has one."""

BUDGET: Final = 20_000_000
"""Solver steps for one question."""


class Kept(StrEnum):
    """Whether a command keeps a policy by the rules alone."""

    KEPT = "kept"
    """Proved: the rules never break it there."""
    ENFORCED = "enforced"
    """The rules alone break it: there is an example, so it has to be enforced there."""
    UNKNOWN = "unknown"
    """The solver gave up within its budget."""


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
    """One command that breaks it as the rules stand, with the smallest figures."""
    examples: Mapping[str, Example]
    """By command at which it has to be enforced: one that breaks it."""
    implied_by: tuple[str, ...] = ()
    """Other policies that imply it."""

    @property
    def enforced_at(self) -> tuple[str, ...]:
        """The commands at which it has to be enforced."""
        return tuple(name for name, kept in self.commands.items() if kept is Kept.ENFORCED and name not in FACTS)

    @property
    def broken_by_facts(self) -> tuple[str, ...]:
        """The commands that may break it and are never refused, as they only record facts."""
        return tuple(name for name, kept in self.commands.items() if kept is Kept.ENFORCED and name in FACTS)

    @property
    def never_bites(self) -> bool:
        """Whether no command ever breaks it, so that it does nothing."""
        return all(kept is Kept.KEPT for kept in self.commands.values())

    @property
    def is_unknown(self) -> bool:
        """Whether something about it was not found out."""
        return self.possible is None or Kept.UNKNOWN in self.commands.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConflict:
    """Two policies that no VM that runs, or no host with one, keeps together."""

    one: str
    other: str
    always: bool
    """Whether nothing at all keeps both: not even a VM that is off."""
    commands: tuple[str, ...]
    """The commands that each of them allows, and that both together refuse always."""


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


def check_policies(
    policies: Sequence[Policy],
    builder: ObligationBuilder | None = None,
    *,
    beside: Sequence[Policy] = (),
    on_checked: Callable[[int], None] = lambda count: None,
    on_compared: Callable[[int], None] = lambda count: None,
) -> PolicyCheck:
    """Checks policies, each alone and in pairs; also in pairs with those ``beside``, which were checked before.

    Reports how many were checked alone, and how many were compared with all others: each is compared twice.
    """
    checker = _Checker(builder or running_rules())
    reports: list[PolicyReport] = []
    for policy in policies:
        reports.append(checker.report(policy))
        on_checked(len(reports))
    conflicts = checker.find_conflicts(policies, reports, beside, on_compared)
    implied = checker.find_implied(policies, lambda count: on_compared(len(policies) + count))
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
        self._known = Known(builder)
        self._cleared = ClearedPairs(lambda policies, conditions: self._is_possible(policies, *conditions))
        self.asked = 0

    def report(self, policy: Policy) -> PolicyReport:
        """What there is to find out about one policy."""
        commands: dict[str, Kept] = {}
        examples: dict[str, Example] = {}
        refuted: list[tuple[PolicyObligation, Values]] = []
        for asked in policy_obligations(self._builder, policy):
            self.asked += 1
            result = self._solver.ask(*asked.obligation.assumes, terms.negation(asked.obligation.goal))
            kept = {False: Kept.KEPT, True: Kept.ENFORCED, None: Kept.UNKNOWN}[result.holds]
            if commands.get(asked.command) in (None, Kept.KEPT) or kept is Kept.ENFORCED:
                commands[asked.command] = kept
            if result.holds:
                example = run_example(asked, result.values)
                examples.setdefault(asked.command, example)
                refuted.append((asked, result.values))
        shown = next((asked for asked, _ in refuted if asked.command not in _UNUSUAL), None)
        return PolicyReport(
            policy=policy,
            possible=self._is_possible([policy], policy.term),
            possible_running=_all_possible(
                self._is_possible([policy], policy.term, running) for running in self._running_of(policy)
            ),
            implied_by_rules=not policy.is_over_changes
            and self._is_possible([policy], terms.negation(policy.term)) is False,
            commands=commands,
            refuses_every=tuple(self._find_shut_off(asked for asked, _ in refuted if asked.command not in FACTS)),
            blocks={asked.command: self._small(asked) for asked, _ in refuted if asked.command in WAYS_OUT},
            example=None if shown is None else self._small(shown),
            examples=examples,
        )

    def _is_possible(self, policies: Sequence[Policy], *conditions: Term) -> bool | None:
        return self._solver.ask(*self._known.about(*policies), *conditions, with_values=False).holds

    def _is_implied(self, policy: Policy) -> bool:
        """Whether the rules alone say it of every state."""
        return not policy.is_over_changes and self._is_possible([policy], terms.negation(policy.term)) is False

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
        conditions = [*obligation.assumes, terms.negation(obligation.goal)]
        if asked.beside is not None:  # an ordinary VM, if one will do: fewer figures are left to be made small
            ordinary = [*conditions, *_ordinary(asked.beside)]
            if self._solver.ask(*ordinary, with_values=False).holds:
                conditions = ordinary
        return run_example(asked, self._solver.smallest(*conditions))

    @staticmethod
    def _running_of(policy: Policy) -> list[Term]:
        """That something runs that a policy is about: of two VMs each, with the second as it may be."""
        if policy.is_over_pairs:
            return [_runs(as_record(SITE["vm"])), _runs(OTHER)]
        return [_runs(as_record(SITE["vm"]))]

    # Pairs

    def find_conflicts(
        self,
        policies: Sequence[Policy],
        reports: Sequence[PolicyReport],
        beside: Sequence[Policy],
        on_compared: Callable[[int], None],
    ) -> list[PolicyConflict]:
        """Pairs that may apply to one VM, host or group at one time, each possible, and not together."""
        found: list[PolicyConflict] = []
        alone = {report.policy.name: report for report in reports}
        self._cleared.put([*policies, *beside], _runs(as_record(SITE["vm"])))
        places = {policy.name: place for place, policy in enumerate(policies)}
        for one, other in chain(combinations(policies, 2), product(policies, beside)):
            on_compared(places[one.name])
            if self._cleared.are_compatible(one, other):
                continue
            if any(report.possible_running is False for report in (alone[one.name], alone.get(other.name)) if report):
                continue
            conditions = together(one, other)
            if conditions is None:
                continue
            running = {*self._running_of(one), *self._running_of(other)}
            if any(self._is_possible([one, other], *conditions, condition) is False for condition in running):
                found.append(
                    PolicyConflict(
                        one=one.name,
                        other=other.name,
                        always=self._is_possible([one, other], *conditions) is False,
                        commands=self._find_shut_off_by(one, other, alone),
                    )
                )
        return found

    def _find_shut_off_by(self, one: Policy, other: Policy, alone: Mapping[str, PolicyReport]) -> tuple[str, ...]:
        """The commands that each policy allows in some state that keeps both, and that both together never do."""
        refused = {name for policy in (one, other) if policy.name in alone for name in alone[policy.name].refuses_every}
        own = [
            [asked for asked in policy_obligations(self._builder, policy) if asked.is_of_own] for policy in (one, other)
        ]
        found: dict[str, None] = {}
        for asked, also in product(*own):
            if asked.command != also.command or asked.command in refused or asked.command in found:
                continue
            first, second = asked.obligation, also.obligation
            assumes = [*first.assumes, *second.assumes]
            if self._solver.ask(*assumes, with_values=False).holds is not True:
                continue
            if self._solver.ask(*assumes, first.goal, second.goal, with_values=False).holds is False:
                found[asked.command] = None
        return tuple(found)

    def find_implied(
        self, policies: Sequence[Policy], on_compared: Callable[[int], None]
    ) -> dict[str, tuple[str, ...]]:
        """By policy: the others that imply it, for all to which it applies."""
        implied: dict[str, tuple[str, ...]] = {}
        for place, one in enumerate(policies):
            on_compared(place)
            not_by = self._cleared.find_unimplied_by(one)
            for other in policies:
                if other is one or other.name in not_by:
                    continue
                conditions = implying(other, one)
                negated = terms.negation(one.term)
                if conditions is not None and self._is_possible([one, other], *conditions, negated) is False:
                    implied[one.name] = (*implied.get(one.name, ()), other.name)
        return implied


def _ordinary(site: SymbolicRecord) -> Iterator[Term]:
    """That a VM is an ordinary one that runs, alone on its host."""
    vm, host = as_record(site["vm"]), as_record(site["host"])
    memory = as_record(vm["memory"])
    figures: list[tuple[Term, Literal]] = [
        (vm.term("generation"), 2),
        (vm.term("guest"), Guest.WINDOWS),
        (memory.term("mode"), Mode.STATIC),
        (vm.term("power"), Power.RUNNING),
        (vm.term("session"), 1),
        (vm.term("in_use"), 0),
        (vm.term("in_use_reported"), False),
        (host.term("reserve"), 0),
    ]
    yield from [terms.equal(figure, terms.constant(value)) for figure, value in figures]
    yield terms.equal(host.term("held"), site.term("entry"))
    yield terms.equal(host.term("total"), host.term("held"))


def _runs(vm: SymbolicRecord) -> Term:
    return terms.equal(vm.term("power"), terms.constant(Power.RUNNING))


def _all_possible(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    return False if False in found else None if None in found else True
