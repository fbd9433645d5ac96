"""The decorator of the specification's functions. Most are predicates; others give a figure, or a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from domain.rule import Rule

P = ParamSpec("P")
R = TypeVar("R")

PREDICATES: Final[list[Rule]] = []
"""Every function marked ``@predicate``, in the order in which the modules were imported."""


def predicate(function: Callable[P, R]) -> Callable[P, R]:
    """Marks a function as part of the specification. It may call others of the specification, but no rule.

    If a rule and the specification shared a function, a mistake in that function would hide itself.
    """
    PREDICATES.append(function)
    return function


def is_predicate(function: object) -> bool:
    """Whether a function is marked ``@predicate``."""
    return any(function is marked for marked in PREDICATES)
