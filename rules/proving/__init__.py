"""Proving a whole program: every obligation, every check that keeps a verdict honest, every counterexample.

May import everything in ``rules`` but ``rules.judging``. Begin with ``run``.
"""
