"""Symbolic rules: the source of a running rule, compiled to terms that a solver and CPython evaluate alike.

May import ``domain`` only. Begin with ``terms`` (what a formula is), then ``reader`` (from source to terms).
"""
