"""Everything that has to be proved is proved, about the code that runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.solving.prover import Prover
from rules.solving.verdict import ProofVerdict
from rules.symbolic import terms


def test_every_obligation_is_proved() -> None:
    obligations = build_all(ObligationBuilder())
    assert len({obligation.name for obligation in obligations}) == len(obligations)
    verdicts = Counter(proof.verdict for proof in Prover().prove(obligations))
    assert verdicts == {ProofVerdict.PROVED: len(obligations)}
    assert len(obligations) > 800


def test_a_goal_of_several_rules_has_the_same_verdict_for_each_where_the_assumptions_are_the_same() -> None:
    x = terms.variable("x", int)
    positive, small = terms.less(terms.ZERO, x), terms.less(x, terms.constant(10))
    alone = Obligation(kind="keeps", rule="positive", command=None, assumes=(), goal=positive)
    of_another = replace(alone, rule="also_positive")
    assumed = replace(alone, rule="assumed", assumes=(terms.less(terms.constant(1), x),))
    smaller = replace(alone, rule="small", goal=small)
    proofs = list(Prover().prove([alone, of_another, assumed, smaller]))
    verdicts = {proof.obligation.rule: proof.verdict for proof in proofs}
    refuted, proved = ProofVerdict.REFUTED, ProofVerdict.PROVED
    assert verdicts == {"positive": refuted, "also_positive": refuted, "assumed": proved, "small": refuted}
    models = {proof.obligation.rule: proof.model for proof in proofs}
    assert models["positive"] == models["also_positive"] is not None
    assert models["small"] != models["positive"]
