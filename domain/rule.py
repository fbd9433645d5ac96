"""The marker of a rule: a pure function that decides, replays, judges and is proved from one text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

Rule = Callable[..., object]
"""A function that is marked ``@rule``, or a predicate of the specification: both are read into formulas."""

RULES: Final[list[Rule]] = []
"""Every function marked ``@rule``, in the order in which the modules were imported."""


def rule(function: Callable[P, R]) -> Callable[P, R]:
    """Marks ``function`` as a rule and changes nothing about how it runs.

    A rule is total and stays in a small subset of Python (whole numbers, booleans, enum members, frozen records,
    ``if``/``return``, ``min``, ``max``, ``replace`` and calls of other rules), so that its source can also
    be read as a formula.
    """
    RULES.append(function)
    return function


def is_rule(function: object) -> bool:
    """Whether a function is marked ``@rule``."""
    return any(function is marked for marked in RULES)
