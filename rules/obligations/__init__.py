"""The obligations: everything that has to be proved, each a goal under assumptions, for any state and any arguments.

The assumptions are the invariants of the state before; the goals are the specification's sentences about what the
program's rules decide and change. ``docs/soundness.md`` says why together they are enough for any number of VMs.

Read in this order: ``obligation`` (what one is), ``together`` (all kinds of them), ``making`` (how they are written
down), ``asked`` (the claims, which the judge asks too), and then the others.
"""

from __future__ import annotations

from rules.obligations.all import Obligations
from rules.obligations.definitions import getter
from rules.obligations.obligation import Obligation

__all__ = ["Obligation", "Obligations", "getter"]
