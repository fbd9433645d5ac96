"""The rules that a history is judged by: their names and their sentences."""

from __future__ import annotations

from typing import Final

from domain.errors import InputError
from nilometer.suggesting import did_you_mean
from rules.catalogue import PROPERTIES, RULE_NAMES, predicate_named
from rules.judging.descriptions import HISTORY_RULES

_PROPERTIES: Final = {property.name: property.text for property in PROPERTIES}

POLICY: Final = "policy/"
"""What the name of a policy begins with, where it stands beside the names of rules."""
ALL_RULES: Final = (*RULE_NAMES, *HISTORY_RULES)
"""The names of all rules."""


def sentence_of(rule: str) -> str:
    """What a rule requires, in English."""
    if rule.startswith(POLICY):
        return f"The policy {rule.removeprefix(POLICY)} holds."
    if rule in HISTORY_RULES:
        return HISTORY_RULES[rule]
    predicate = predicate_named(rule)
    if rule in _PROPERTIES or predicate is None:
        return _PROPERTIES.get(rule, rule.replace("_", " "))
    return " ".join((predicate.__doc__ or "").split())


def require_rule(name: str) -> str:
    """Returns the name of a rule. Raises ``InputError`` with the most similar name if there is no such rule.

    Which policies a history adopts is known when it has been read: any name of one is taken.
    """
    is_policy = name.startswith(POLICY) and name.removeprefix(POLICY).isidentifier()
    if name not in ALL_RULES and not is_policy:
        hint = did_you_mean(name, ALL_RULES, f"the rules are {', '.join(ALL_RULES)}")
        raise InputError(f"there is no rule {name!r}", hint=hint)
    return name
