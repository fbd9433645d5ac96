"""All obligations of a program, by kind."""

from __future__ import annotations

from rules.obligations import claims, definitions, induction, overflow, progress, replay
from rules.obligations.builder import ObligationBuilder
from rules.obligations.obligation import Obligation


class Obligations(ObligationBuilder):
    """Puts the obligations together from the program and the specification: those that run, unless others are given."""

    def all(self) -> list[Obligation]:
        """All of them, by kind."""
        self.made = []
        for make in (
            definitions.definitions,
            induction.initiation,
            induction.consecution,
            induction.bystanders,
            induction.accounts,
            induction.hosts_left,
            claims.claims,
            progress.generations,
            progress.progress,
            replay.followed,
            replay.replayed,
            overflow.overflow,
        ):
            make(self)
        return self.made
