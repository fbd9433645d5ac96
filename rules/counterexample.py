"""Counterexamples: a state and a command under which the program breaks a rule, as data first and as words after.

Whoever reads one sees what was there before, the command, what was decided and what is there afterwards, with the
changed figures marked, and the sentence that it breaks with its file and line. Every one has been run by CPython.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
"""Figures by their paths, as ``vm.assigned``: whole numbers, truth values, and members of enums. Sizes are bytes."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """How a rule is broken."""

    obligation: str
    rule: str
    """The sentence of the specification that is broken."""
    place: str
    """Its file and line, as ``rules/specification/invariants.py:36``."""
    says: str
    """What the sentence forbids: the first line of its docstring."""
    command: str | None
    arguments: Figures
    before: Figures
    decision: Figures
    after: Figures
    changed: tuple[str, ...]
    """The paths of the figures that are not as they were."""
    however: str
    """What contradicts what: one sentence."""
    script: tuple[dict[str, Any], ...] = ()
    """The shortest history from an empty host that gets there, as script lines that ``nilo run`` replays; or none."""
    steps: int = 0
    """How many commands were tried in a row where no history was found; 0 if none was looked for."""

    def text(self) -> str:
        """The counterexample in words: Let … Then … However …"""
        raise NotImplementedError

    def document(self) -> dict[str, Any]:
        """The counterexample as JSON has it: figures by path, sizes in bytes, enum members by their values."""
        raise NotImplementedError
