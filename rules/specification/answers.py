"""When a command must be rejected, and when it must fail: the answer, compared with the reasons."""

from __future__ import annotations

from domain.decision import Code, Decision, Outcome
from rules.specification.predicate import predicate


@predicate
def is_rejected_because(decision: Decision, why: Code) -> bool:
    """A command is rejected exactly when there is a reason, and names it: else somebody repairs the wrong thing."""
    if why is Code.NONE:
        return decision.outcome is not Outcome.REJECTED
    return decision.outcome is Outcome.REJECTED and decision.code is why


@predicate
def fails_when_short(decision: Decision, why: Code, short: bool) -> bool:
    """An allowed command fails exactly when the host does not have the memory, and says so."""
    if why is Code.NONE and short:
        return decision.outcome is Outcome.FAILED and decision.code is Code.INSUFFICIENT_HOST_MEMORY
    return decision.outcome is not Outcome.FAILED


@predicate
def never_fails(decision: Decision) -> bool:
    """A command that needs no memory of a host never fails: it is rejected or done."""
    return decision.outcome is not Outcome.FAILED


@predicate
def granted_in(decision: Decision) -> int:
    """The bytes that a decision grants."""
    return decision.granted
