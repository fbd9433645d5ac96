"""The marker of a sentence of the specification: what must hold, written a second time, from stored fields alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from domain.rule import Rule

P = ParamSpec("P")
R = TypeVar("R")

PREDICATES: Final[list[Rule]] = []
"""Every function marked ``@predicate``."""


def predicate(function: Callable[P, R]) -> Callable[P, R]:
    """Marks a function as part of the specification. It may call other sentences, and never a rule of the program.

    If rule and specification shared a helper, a mistake in the helper would excuse itself.
    """
    PREDICATES.append(function)
    return function


def is_predicate(function: object) -> bool:
    """Whether a function is marked ``@predicate``."""
    return any(function is marked for marked in PREDICATES)
