"""Solving: obligations asked of Z3 and, for a second opinion, of cvc5. No other package knows a solver.

May import ``rules.obligations`` and everything below it. Begin with ``solver``, then ``prover``.
"""
