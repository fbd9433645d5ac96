"""Concrete runs: what a solver answers, run again by CPython before anybody is shown it.

May import ``rules.obligations`` and everything below it, and no solver. Begin with ``world``, then ``replay``.
"""
