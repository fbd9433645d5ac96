"""Obligations as SMT-LIB 2 files that any solver reads: ``unsat`` means proved."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rules.catalogue import KINDS, says
from rules.obligations import Obligation
from rules.solving.prover import Prover
from rules.solving.smt import members
from rules.symbolic.terms import variables

LOGIC: Final = "QF_LIA"
"""Linear arithmetic over whole numbers, without quantifiers."""


@dataclass(frozen=True, slots=True)
class Export:
    """An obligation as a file."""

    obligation: Obligation
    text: str

    @property
    def file(self) -> str:
        """A name for the file, on any system."""
        return re.sub(r"[^\w-]+", "-", self.obligation.name.replace("/", "__")) + ".smt2"


def exports(obligations: Iterable[Obligation]) -> Iterator[Export]:
    """Obligations as SMT-LIB 2: assumptions as they are, the goal negated, and a comment that says what it is."""
    prover = Prover()
    for each in obligations:
        body = [line for line in prover.smtlib(each).splitlines() if not line.startswith((";", "(set-info"))]
        yield Export(each, "\n".join([*_head(each), f"(set-logic {LOGIC})", *body]) + "\n")


def _head(obligation: Obligation) -> Iterator[str]:
    told = [
        obligation.name,
        says(obligation),
        KINDS.get(obligation.kind, obligation.kind),
        "The assumptions are asserted, and the goal negated: unsat means proved, sat refuted. Sizes are bytes.",
        *_enums(obligation),
    ]
    for text in told:
        for line in textwrap.wrap(text, 110):
            yield f"; {line}"


def _enums(obligation: Obligation) -> Iterator[str]:
    """Which number stands for which member of an enum."""
    enums = {each.sort: None for each in variables(*obligation.assumes, obligation.goal).values()}
    for enum in enums:
        if issubclass(enum, StrEnum):
            yield f"{enum.__name__}: {', '.join(f'{place} {member}' for place, member in enumerate(members(enum)))}"
