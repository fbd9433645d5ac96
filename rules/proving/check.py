"""The result of a check, made from what a solver says."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from rules.solving.prover import VERDICTS
from rules.solving.solver import SatResult
from rules.solving.verdict import ProofVerdict


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check."""

    kind: str
    """As in ``rules.kinds.CHECKS``."""
    rule: str
    command: str | None
    verdict: ProofVerdict
    seconds: float
    reason: str = ""
    """What is wrong, or why the solver gave up; empty if the check passed."""

    @property
    def name(self) -> str:
        """Kind, command and rule, as ``reached/start/done``."""
        return "/".join(part for part in (self.kind, self.command, self.rule) if part)


def verdict_of(passed: bool) -> ProofVerdict:
    """The verdict of a check that needs no solver."""
    return ProofVerdict.PROVED if passed else ProofVerdict.REFUTED


def worst_first(result: SatResult) -> int:
    """A sort key: unsatisfiable before unknown before satisfiable."""
    return (False, None, True).index(result.holds)


def negated(result: SatResult) -> SatResult:
    """The result to pass on for a check that passes if the conditions are unsatisfiable."""
    return replace(result, holds=None if result.holds is None else not result.holds)


def check_of(kind: str, rule: str, command: str | None, begun: float, result: SatResult, wrong: str) -> Check:
    """A check that passes if conditions are satisfiable; ``wrong`` is the reason if they are not."""
    verdict = VERDICTS[negated(result).holds]
    reason = {ProofVerdict.PROVED: "", ProofVerdict.REFUTED: wrong, ProofVerdict.UNKNOWN: result.reason}[verdict]
    seconds = time.perf_counter() - begun
    return Check(kind=kind, rule=rule, command=command, verdict=verdict, seconds=seconds, reason=reason)
