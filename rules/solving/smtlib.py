"""Obligations as SMT-LIB 2 files for any solver: ``unsat`` means proved."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rules.catalogue import describe
from rules.kinds import KINDS
from rules.obligations import Obligation
from rules.solving.prover import Prover
from rules.solving.smt import members
from rules.symbolic.terms import variables

LOGIC: Final = "QF_LIA"
"""Linear integer arithmetic without quantifiers."""


@dataclass(frozen=True, slots=True)
class Export:
    """An obligation as a file."""

    obligation: Obligation
    text: str

    @property
    def file(self) -> str:
        """A file name that is valid on any system."""
        return re.sub(r"[^\w-]+", "-", self.obligation.name.replace("/", "__")) + ".smt2"


def exports(obligations: Iterable[Obligation]) -> Iterator[Export]:
    """Obligations in SMT-LIB 2: the assumptions, the negated goal, and a comment that explains them."""
    prover = Prover()
    for obligation in obligations:
        body = [line for line in prover.smtlib(obligation).splitlines() if not line.startswith((";", "(set-info"))]
        yield Export(obligation, "\n".join([*_head(obligation), f"(set-logic {LOGIC})", *body]) + "\n")


def _head(obligation: Obligation) -> Iterator[str]:
    paragraphs = [
        obligation.name,
        describe(obligation),
        KINDS.get(obligation.kind, obligation.kind),
        "The assumptions are asserted, and the goal negated: unsat means proved, sat refuted. Sizes are bytes.",
        *_enums(obligation),
    ]
    for paragraph in paragraphs:
        for line in textwrap.wrap(paragraph, 110):
            yield f"; {line}"


def _enums(obligation: Obligation) -> Iterator[str]:
    """Which integer encodes which member of an enum."""
    sorts = {variable.sort: None for variable in variables(*obligation.assumes, obligation.goal).values()}
    for sort in sorts:
        if issubclass(sort, StrEnum):
            yield f"{sort.__name__}: {', '.join(f'{index} {member}' for index, member in enumerate(members(sort)))}"
