"""No number on the way leaves 64 bits, so that other engines compute the same."""

from __future__ import annotations

from typing import Final

from rules.obligations.builder import ObligationBuilder
from rules.symbolic import terms
from rules.symbolic.values import leaves
from rules.transitions.vm_commands import SITE

LARGEST: Final = 2**52
"""The largest size that anybody may write, in bytes."""
OVERFLOW: Final = 2**63


def overflow(builder: ObligationBuilder) -> None:
    """Every sum and difference fits, if what was written does."""
    bound, largest = terms.constant(OVERFLOW), terms.constant(LARGEST)
    for transition in builder.transitions.values():
        parts = [part for value in (transition.decision, transition.after) for _, part in leaves(value)]
        numbers = [part for part in terms.subterms(*parts) if part.sort is int and part.parts]
        inside = [terms.both(terms.less(part, bound), terms.less(terms.negate(part), bound)) for part in numbers]
        inputs = [part for _, part in leaves(SITE) if part.sort is int]
        inputs += [part for value in transition.arguments.values() for _, part in leaves(value) if part.sort is int]
        small = [
            terms.both(terms.at_most(part, largest), terms.at_most(terms.negate(part), largest)) for part in inputs
        ]
        builder.prove(
            "overflow",
            "fits_64_bits",
            terms.both(*inside),
            command=transition.command,
            assumes=[*builder.reachable(transition), *small],
            transition=transition,
        )
