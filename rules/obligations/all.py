"""All obligations of a program, by kind."""

from __future__ import annotations

from typing import Final

from rules.obligations import claims, definitions, groups, induction, progress, replay
from rules.obligations.builder import Obligation, ObligationBuilder

KINDS: Final = (
    definitions.definitions,
    induction.initiation,
    induction.consecution,
    induction.bystanders,
    induction.accounts,
    induction.hosts_left,
    groups.groups,
    claims.claims,
    progress.generations,
    progress.progress,
    replay.followed,
    replay.recorded,
    replay.recorded_on_hosts,
    replay.replayed,
    definitions.overflow,
)


def build_all(builder: ObligationBuilder) -> list[Obligation]:
    """Builds all obligations of the builder's program and specification, in a fixed order."""
    builder.obligations = []
    for build in KINDS:
        build(builder)
    return builder.obligations
