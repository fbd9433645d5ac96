"""A result of proving, which can be shown without a solver."""

from __future__ import annotations

from dataclasses import dataclass

from rules.concrete.counterexample import Counterexample
from rules.solving.verdict import ProofVerdict


@dataclass(frozen=True, slots=True)
class ProofResult:
    """The verdict of one obligation, or of one check."""

    name: str
    """``kind/command/rule``, without a command where there is none. No two results of a run have the same name."""
    kind: str
    """As in ``rules.kinds``: one of ``KINDS`` for an obligation, one of ``CHECKS`` for a check."""
    rule: str
    command: str | None
    verdict: ProofVerdict
    seconds: float
    counterexample: Counterexample | None = None
    """For a refuted obligation."""
    reason: str = ""
    """For an unknown one: why the solver gave up; for a refuted check: what is wrong; else empty."""

    @property
    def evidence(self) -> str:
        """The text beside the verdict: the counterexample, or why there is no verdict; empty if proved."""
        if self.counterexample is not None and self.verdict is ProofVerdict.REFUTED:
            return self.counterexample.text().removeprefix(f"{self.name}: {self.verdict}\n")
        if self.verdict is ProofVerdict.UNKNOWN:
            return f"nothing is claimed: {self.reason or 'the solver gave no reason'}"
        return self.reason
