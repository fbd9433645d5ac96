"""A claim: one sentence of the specification, asked of one command, and what it is asked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.rule import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What a sentence says of a command: proved of every state, and judged of every recorded event."""

    kind: str
    """As in ``rules.catalogue.KINDS``."""
    command: str
    """As ``add-memory``."""
    predicate: Rule
    """It answers whether it is so. ``rules.claims.binding`` says what its parameters are given, by their names."""
    given: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    """Parameters of the sentence that other sentences say, as ``most``: how much a VM may have."""
    when: Rule | None = None
    """A sentence that says of what was there before whether this is asked at all; ``None``: always."""
    accepted: bool | None = None
    """``True``: asked of what took effect alone; ``False``: of what did not; ``None``: of both."""
    any_state: bool = False
    """It holds in any state, reachable or not: no invariant is needed for it."""
    about: Rule | None = None
    """The sentence that it is called after, if that is another: a reason, of a claim that the reason is given."""

    @property
    def rule(self) -> str:
        """The name of the sentence that it is called after."""
        return (self.about or self.predicate).__name__

    @property
    def name(self) -> str:
        """What it is called, as its obligation is: kind, command and rule."""
        return f"{self.kind}/{self.command}/{self.rule}"
