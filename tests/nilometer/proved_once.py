"""What is proved of a policy, proved once for all tests: many adopt the same text beside the same others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import pytest

from rules.obligations.builder import ObligationBuilder
from rules.policies import adopting, checking
from rules.policies.adopting import AdoptionProof, prove_for_adoption
from rules.policies.checking import PolicyCheck, check_policies
from rules.policies.policy import Policy


@cache
def _checked(policies: tuple[Policy, ...], beside: tuple[Policy, ...]) -> PolicyCheck:
    return check_policies(policies, beside=beside)


@cache
def _proved(policy: Policy) -> AdoptionProof:
    return prove_for_adoption(policy)


@pytest.fixture(autouse=True)
def proved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adoption is told what an earlier one was told of equal policies: the rules are the same all the time."""

    def check(
        policies: Sequence[Policy],
        builder: ObligationBuilder | None = None,
        *,
        beside: Sequence[Policy] = (),
        **told: Callable[[int], None],
    ) -> PolicyCheck:
        if builder or told:
            return check_policies(policies, builder, beside=beside, **told)
        return _checked(tuple(policies), tuple(beside))

    def prove(policy: Policy, builder: ObligationBuilder | None = None) -> AdoptionProof:
        return prove_for_adoption(policy, builder) if builder else _proved(policy)

    monkeypatch.setattr(checking, "check_policies", check)
    monkeypatch.setattr(adopting, "prove_for_adoption", prove)
