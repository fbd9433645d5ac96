"""Pairs of policies that one question clears: of those with one scope, all that can hold together.

A file of many policies has as many pairs as the square of their number, and of nearly none does one question the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from rules.policies.policy import Policy, PolicyScope
from rules.symbolic import terms
from rules.symbolic.terms import Term

IsPossible = Callable[[Sequence[Policy], Iterable[Term]], bool | None]
"""Whether there is a state of which these policies can be asked, and in which the terms hold; ``None``: not known."""
LEAST: Final = 3
"""Of fewer policies there are no more pairs than questions about all of them."""


@dataclass(slots=True)
class ClearedPairs:
    """Policies that hold together in some state, by their scope."""

    is_possible: IsPossible
    blocks: dict[PolicyScope, list[Policy]] = field(default_factory=dict[PolicyScope, list[Policy]])
    names: dict[PolicyScope, set[str]] = field(default_factory=dict[PolicyScope, set[str]])
    """Those of the blocks."""

    def put(self, policies: Iterable[Policy], condition: Term) -> None:
        """Puts together the policies that hold together in a state in which the condition holds too."""
        by_scope: dict[PolicyScope, list[Policy]] = {}
        for policy in policies:
            if not policy.is_over_pairs:  # which of the two VMs is meant differs from pair to pair
                by_scope.setdefault(policy.scope, []).append(policy)
        for scope, alike in by_scope.items():
            if len(alike) >= LEAST:
                self._add(self.blocks.setdefault(scope, []), alike, condition)
                self.names[scope] = {policy.name for policy in self.blocks[scope]}

    def _add(self, block: list[Policy], some: Sequence[Policy], condition: Term) -> None:
        """Adds those of some policies that go together with the block."""
        tried = [*block, *some]
        if self.is_possible(tried, [*(policy.term for policy in tried), condition]):
            block += some
        elif len(some) > 1:
            middle = len(some) // 2
            self._add(block, some[:middle], condition)
            self._add(block, some[middle:], condition)

    def are_compatible(self, one: Policy, other: Policy) -> bool:
        """Whether it is known that both can hold together."""
        names = self.names.get(one.scope, ())
        return one.name in names and other.name in names and one.scope == other.scope

    def find_unimplied_by(self, one: Policy) -> frozenset[str]:
        """Policies that do not imply this one, by states in which many of them hold and it does not."""
        return frozenset(self._unimplied_by(one, [policy for policy in self._block_of(one) if policy is not one]))

    def _unimplied_by(self, one: Policy, others: Sequence[Policy]) -> Iterator[str]:
        if len(others) < LEAST - 1:
            return
        conditions = [*(policy.term for policy in others), terms.negation(one.term)]
        if self.is_possible([one, *others], conditions):
            yield from [policy.name for policy in others]
        else:
            middle = len(others) // 2
            yield from self._unimplied_by(one, others[:middle])
            yield from self._unimplied_by(one, others[middle:])

    def _block_of(self, policy: Policy) -> Sequence[Policy]:
        return self.blocks.get(policy.scope, ())
