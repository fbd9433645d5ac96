"""What is proved of the rules, for a report: proved now, from the code that makes it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

from nilometer.report.building.rules import ProofSummary
from nilometer.report.clocks import Clock24
from nilometer.times import current_time
from rules.catalogue import rule_of
from rules.concrete.counterexample import Counterexample
from rules.kinds import CHECKS
from rules.proving.result import ProofResult
from rules.proving.run import prove
from rules.solving.verdict import ProofVerdict


def prove_rules(clock: Clock24) -> ProofSummary:
    """Proves all rules, which takes a few seconds."""
    begun = time.monotonic()
    results = list(prove())
    return summarize_proof(results, time.monotonic() - begun, f"{clock.full(current_time())} {clock.name}")


def summarize_proof(results: Sequence[ProofResult], seconds: float, at: str) -> ProofSummary:
    """What these results say of the rules."""
    proved: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    examples: dict[str, Counterexample] = {}
    for result in results:
        rule = rule_of(result)
        if rule is not None and result.kind not in CHECKS:
            counts[rule] += 1
            proved[rule] += result.verdict is ProofVerdict.PROVED
            if result.counterexample is not None:
                examples.setdefault(rule, result.counterexample)
    verdicts = {result.verdict for result in results}
    refuted, unknown = ProofVerdict.REFUTED in verdicts, ProofVerdict.UNKNOWN in verdicts
    checks = sum(result.kind in CHECKS for result in results)
    return ProofSummary(
        verdict="refuted" if refuted else "unknown" if unknown else "proved",
        at=at,
        solver=f"Z3 {version('z3-solver')}",
        seconds=seconds,
        obligations=len(results) - checks,
        checks=checks,
        by_rule={rule: (proved[rule], count) for rule, count in counts.items()},
        counterexamples=tuple(examples.values()),
    )
