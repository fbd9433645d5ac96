"""Whether every command leaves the book of a group with what its VMs hold: policies over groups rely on it."""

from __future__ import annotations

from collections.abc import Iterable

from rules.obligations.builder import running_rules
from rules.obligations.groups import groups
from rules.policies.checking import BUDGET
from rules.policies.policy import Policy
from rules.solving.solver import Solver
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader


def prove_books(policies: Iterable[Policy]) -> dict[str, bool | None]:
    """By command, whether it is proved to keep the books of groups; empty where no policy is over a group.

    ``None``: the solver gave up. These are the obligations of ``nilo prove`` of the same rules.
    """
    if not any(policy.is_over_groups for policy in policies):
        return {}
    builder, solver = running_rules().with_specification(RuleReader(is_predicate)), Solver(BUDGET)
    groups(builder)
    found: dict[str, bool | None] = {}
    for obligation in builder.obligations:
        refuted = solver.ask(*obligation.assumes, terms.negation(obligation.goal), with_values=False).holds
        proved, command = None if refuted is None else not refuted, str(obligation.command)
        if found.get(command, True):
            found[command] = proved
    return found
