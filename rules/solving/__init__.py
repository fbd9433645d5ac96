"""Solving: Z3 proves obligations, and cvc5 can check them again. No other package knows a solver.

May import ``rules.obligations`` and everything below it. Begin with ``solver``, then ``prover``.
"""
