"""When a command is to be rejected, when to fail: what is answered, held against the reasons that there are."""

from __future__ import annotations

from domain.decision import Code, Decision, Outcome
from rules.specification.predicate import predicate


@predicate
def is_rejected_because(decision: Decision, why: Code) -> bool:
    """A command is rejected exactly when there is a reason, and with it: else somebody mends what was not wrong."""
    if why is Code.NONE:
        return decision.outcome is not Outcome.REJECTED
    return decision.outcome is Outcome.REJECTED and decision.code is why


@predicate
def fails_when_short(decision: Decision, why: Code, short: bool) -> bool:
    """A command that is allowed fails exactly when the host has not the memory, and says so."""
    if why is Code.NONE and short:
        return decision.outcome is Outcome.FAILED and decision.code is Code.INSUFFICIENT_HOST_MEMORY
    return decision.outcome is not Outcome.FAILED


@predicate
def never_fails(decision: Decision) -> bool:
    """A command that needs no memory of a host is rejected or done; it never fails."""
    return decision.outcome is not Outcome.FAILED


@predicate
def granted_in(decision: Decision) -> int:
    """What a decision grants."""
    return decision.granted
