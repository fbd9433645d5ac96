"""Claims: which predicate of the specification is asked of which command. The prover and the judge ask the same ones.

    for claim in claims_of("add-memory"):
        holds(claim, before=site, after=site_after, decision=decision, arguments={"amount": amount})

May import ``rules.specification`` and ``domain``. Begin with ``claim`` (what one is), then ``table`` (all of them).
"""

from __future__ import annotations

from rules.claims.claim import Claim, CommandState, bind, holds
from rules.claims.table import CLAIMS, claims_of

__all__ = ["CLAIMS", "Claim", "CommandState", "bind", "claims_of", "holds"]
