"""What an obligation is."""

from __future__ import annotations

from dataclasses import dataclass, field

from rules.symbolic.terms import Term
from rules.transitions.vm_commands import Transition


@dataclass(frozen=True, slots=True)
class Obligation:
    """A goal that has to hold wherever the assumptions do."""

    kind: str
    rule: str
    """The sentence of the specification that it is about."""
    command: str | None
    assumes: tuple[Term, ...]
    goal: Term
    transition: Transition | None = field(default=None, compare=False)
    """What was decided, to show a counterexample by."""

    @property
    def name(self) -> str:
        """What it is called: kind, command and rule."""
        return "/".join(part for part in (self.kind, self.command, self.rule) if part)
