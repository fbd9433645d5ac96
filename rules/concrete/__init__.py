"""Concrete runs: CPython executes what a solver found, before anybody sees it.

May import ``rules.obligations`` and everything below it, and no solver. Begin with ``world``, then ``replay``.
"""
