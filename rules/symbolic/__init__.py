"""Rules as terms: the source of a running rule, read into formulas that a solver and CPython agree on.

May import ``domain`` only. Begin with ``terms`` (what a formula is), then ``reader`` (from source to terms).
"""
