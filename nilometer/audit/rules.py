"""The rules that a history is judged by: what they are called, what they say, and what they speak of."""

from __future__ import annotations

from typing import Final

from domain.errors import InputError
from nilometer.suggesting import did_you_mean
from rules.catalogue import PROPERTIES, RULE_NAMES, predicate_named
from rules.judging.descriptions import HISTORY_RULES

_PROPERTIES: Final = {property.name: property.text for property in PROPERTIES}


def sentence_of(rule: str) -> str:
    """What a rule says, in English."""
    if rule in HISTORY_RULES:
        return HISTORY_RULES[rule]
    predicate = predicate_named(rule)
    if rule in _PROPERTIES or predicate is None:
        return _PROPERTIES.get(rule, rule.replace("_", " "))
    return " ".join((predicate.__doc__ or "").split())


def known(rule: str) -> str:
    """A rule by its name. Raises ``InputError`` if there is none, with the nearest."""
    names = (*RULE_NAMES, *HISTORY_RULES)
    if rule not in names:
        raise InputError(f"there is no rule {rule!r}", hint=did_you_mean(rule, names, "docs/rules.md lists them"))
    return rule
