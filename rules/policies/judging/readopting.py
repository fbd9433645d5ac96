"""What an adoption says of its policy, beside what the text of the policy says, and what is proved of it again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from domain.policy_events import PolicyAdopted
from rules.policies.adopting import AdoptionProof, prove_for_adoption
from rules.policies.enforcing import adopted_policy
from rules.policies.policy import Policy


def find_false_claims(name: str, event: PolicyAdopted) -> Iterator[str]:
    """What an adoption says that does not follow from its text. Raises ``HistoryError`` if the text is not its own.

    That less is proved than could be is no false claim: the decider is only stricter, or reads more.
    """
    policy = adopted_policy(name, event)
    for what, claimed, meant in (
        ("the sentence", event.sentence, policy.sentence),
        ("its subjects", event.over, tuple(sorted(policy.over))),
        ("the VMs", event.vms, policy.scope.vms),
        ("the hosts", event.hosts, policy.scope.hosts),
    ):
        if claimed != meant:
            yield f"the adoption names {what} as {_show(claimed)}, and its text as {_show(meant)}"
    proved = _prove(policy)
    unproved = [command for command in event.monotone if command not in proved.monotone]
    if unproved:
        yield f"that less of {', '.join(unproved)} keeps it where more does is not proved"
    unread = [command for command in proved.beside if command not in event.beside]
    if unread:
        yield f"that {', '.join(unread)} breaks it of no other VM is not proved"


@lru_cache(maxsize=256)
def _prove(policy: Policy) -> AdoptionProof:
    return prove_for_adoption(policy)


def _show(claimed: str | tuple[str, ...]) -> str:
    return repr(claimed) if isinstance(claimed, str) else ", ".join(claimed) or "none"
