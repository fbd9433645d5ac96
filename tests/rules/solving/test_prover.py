"""Everything that has to be proved is proved, about the code that runs."""

from __future__ import annotations

from collections import Counter

from rules.obligations import ObligationBuilder, build_all
from rules.solving.prover import Prover
from rules.solving.verdict import ProofVerdict


def test_every_obligation_is_proved() -> None:
    obligations = build_all(ObligationBuilder())
    assert len({obligation.name for obligation in obligations}) == len(obligations)
    verdicts = Counter(proof.verdict for proof in Prover().prove(obligations))
    assert verdicts == {ProofVerdict.PROVED: len(obligations)}
    assert len(obligations) > 800
