"""Commands that write a ledger, or a copy of one: ``run``, ``do``, ``record``, ``annotate``, ``backup``, ``repair``.

May import ``nilometer.cli`` and everything below it. Begin with ``do``.
"""
