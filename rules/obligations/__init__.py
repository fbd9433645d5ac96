"""Obligations: everything that has to be proved, each a goal under assumptions, for any state and any arguments.

The assumptions are the invariants of the state before. The goals are predicates of the specification, applied to what
the program's rules decide and change. ``docs/soundness.md`` says why together they are enough for any number of VMs.

May import ``rules.claims``, ``rules.transitions`` and everything below them, and no solver. Begin with ``builder``
(what an obligation is, and how one is built), then ``all`` (all kinds of them).
"""

from __future__ import annotations

from rules.obligations.all import build_all
from rules.obligations.builder import Obligation, ObligationBuilder
from rules.obligations.definitions import getter

__all__ = ["Obligation", "ObligationBuilder", "build_all", "getter"]
