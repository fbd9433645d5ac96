"""Proving a whole program: every obligation, every check that keeps the verdicts honest, every counterexample.

May import everything in ``rules`` except ``rules.judging``. Begin with ``run``.
"""
