"""What a check is, and what becomes of one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from rules.solving.prover import VERDICTS, ProofVerdict
from rules.solving.solver import SatResult


@dataclass(frozen=True, slots=True)
class Check:
    """What became of a check."""

    kind: str
    rule: str
    command: str | None
    verdict: ProofVerdict
    seconds: float
    reason: str = ""
    """What is wrong, or why nothing is known."""

    @property
    def name(self) -> str:
        """What it is called: kind, command and rule."""
        return "/".join(part for part in (self.kind, self.command, self.rule) if part)


def verdict(fine: bool) -> ProofVerdict:
    """The verdict on what is plainly so or not."""
    return ProofVerdict.PROVED if fine else ProofVerdict.REFUTED


def least_first(answer: SatResult) -> int:
    """What was not found before what is not known, and that before what was found."""
    return (False, None, True).index(answer.holds)


def opposite(answer: SatResult) -> SatResult:
    """The answer of a check that is passed if nothing is found."""
    return replace(answer, holds=None if answer.holds is None else not answer.holds)


def found(kind: str, rule: str, command: str | None, begun: float, answer: SatResult, wrong: str) -> Check:
    """A check that is passed by something that was found."""
    said = VERDICTS[None if answer.holds is None else not answer.holds]
    reason = {ProofVerdict.PROVED: "", ProofVerdict.REFUTED: wrong, ProofVerdict.UNKNOWN: answer.reason}[said]
    return Check(kind, rule, command, said, time.perf_counter() - begun, reason)
