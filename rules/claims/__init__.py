"""Claims: which sentence of the specification is asked of which command. The prover and the judge ask the same.

    for claim in claims_of("add-memory"):
        holds(claim, before=site, after=site_after, decision=decision, arguments={"amount": amount})

Read in this order: ``claim`` (what one is), ``table`` (all of them), ``binding`` (what a sentence is given), ``asking``
(of values; of formulas it is ``rules.obligations.claims``).
"""

from __future__ import annotations

from rules.claims.asking import Moment, holds, told
from rules.claims.claim import Claim
from rules.claims.table import CLAIMS, claims_of

__all__ = ["CLAIMS", "Claim", "Moment", "claims_of", "holds", "told"]
