"""What has to be proved of a policy before it is adopted: whom else it may break, and where less keeps what more does.

Less of a resize is granted only where that is proved to be no worse than nothing, or than more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.commands import COMMANDS
from domain.deciding.enforced import RESIZES
from rules.obligations.builder import ObligationBuilder, running_rules
from rules.policies.checking import BUDGET
from rules.policies.compiling import distance
from rules.policies.obligations import PolicyObligation, Sight, policy_obligations
from rules.policies.policy import Policy
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Term
from rules.symbolic.values import as_record, leaves, substitute

AMOUNT: Final = "amount"
"""The variable of a resize's amount."""
SMALLER: Final = "smaller amount"


@dataclass(frozen=True, slots=True)
class AdoptionProof:
    """What was proved of a policy that is to be adopted."""

    monotone: tuple[str, ...]
    """Resizes of which a smaller grant is proved to make it no worse than the larger one does, or than nothing does."""
    beside: tuple[str, ...]
    """Commands of which it is not proved that they make it no worse of other VMs on the hosts that they change."""


def prove_for_adoption(policy: Policy, builder: ObligationBuilder | None = None) -> AdoptionProof:
    """What the decider has to know of a policy. What the solver gives up on counts as not proved."""
    builder, solver = builder or running_rules(), Solver(BUDGET)
    measure = distance(policy.term)
    monotone, beside = dict.fromkeys(sorted(RESIZES), not policy.is_over_changes), dict[str, bool]()
    is_joint = policy.is_over_pairs or policy.is_over_groups
    for asked in () if policy.is_over_changes else policy_obligations(builder, policy):
        if asked.command in monotone:
            monotone[asked.command] &= _is_monotone(solver, builder, measure, asked)
        others = policy.is_over_vms and asked.about not in ("the VM", "the new VM") and asked.before is not None
        if others or is_joint:
            is_kept = _is_no_worse(solver, measure, asked)
            beside[asked.command] = beside.get(asked.command, False) or not is_kept
    return AdoptionProof(
        monotone=tuple(name for name, is_proved in monotone.items() if is_proved),
        beside=tuple(name for name in COMMANDS if beside.get(name)),
    )


def monotone_goal(builder: ObligationBuilder, measure: Term, asked: PolicyObligation) -> tuple[list[Term], Term]:
    """The assumptions and the goal that a smaller grant makes a policy no worse than a larger one, or than nothing."""
    transition = builder.transitions[asked.command]
    *assumes, _ = asked.obligation.assumes  # all but that the policy held before
    smaller = {AMOUNT: terms.variable(SMALLER, int)}
    granted = transition.decision.term("granted")
    assumes += [
        terms.substitute(asked.accepted, smaller),
        terms.less(ZERO, smaller[AMOUNT]),
        terms.at_most(smaller[AMOUNT], granted),
    ]
    assert asked.before is not None
    after = {name: substitute(as_record(value), smaller) for name, value in asked.after.values.items()}
    less = Sight(vm=after.get("vm"), host=after.get("host"), other=after.get("other"), group=after.get("group"))
    allowed = terms.most(_at(measure, asked.before), _at(measure, asked.after))
    return assumes, terms.at_most(_at(measure, less), allowed)


def _is_monotone(solver: Solver, builder: ObligationBuilder, measure: Term, asked: PolicyObligation) -> bool:
    assumes, goal = monotone_goal(builder, measure, asked)
    return solver.ask(*assumes, terms.negation(goal), with_values=False).holds is False


def _is_no_worse(solver: Solver, measure: Term, asked: PolicyObligation) -> bool:
    *assumes, _ = asked.obligation.assumes
    before = ZERO if asked.before is None else _at(measure, asked.before)
    goal = terms.at_most(_at(measure, asked.after), before)
    return solver.ask(*assumes, terms.negation(goal), with_values=False).holds is False


def _at(measure: Term, sight: Sight) -> Term:
    """A measure, asked of a VM and a host."""
    known = {path: part for name, value in sight.values.items() for path, part in leaves(value, f"site.{name}")}
    return terms.substitute(measure, known)
