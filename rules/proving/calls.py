"""Which rules a rule calls, by the names that stand in its code."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import cast

from domain.rule import RULES, Rule


@cache
def closure(*rules: Rule) -> frozenset[Rule]:
    """These rules, and all that they call, directly or not."""
    reached: set[Rule] = set()
    waiting = list(rules)
    while waiting:
        rule = waiting.pop()
        if rule not in reached:
            reached.add(rule)
            waiting += _called_by(rule)
    return frozenset(reached)


@cache
def _called_by(rule: Rule) -> tuple[Rule, ...]:
    """The rules whose names stand in a rule's code; a property by its last name, of whatever record it is."""
    function = cast("FunctionType", rule)
    names = function.__code__.co_names
    known = [function.__globals__.get(name) for name in names]
    return tuple(
        other
        for other in RULES
        if any(other is value for value in known) or ("." in other.__qualname__ and other.__name__ in names)
    )
