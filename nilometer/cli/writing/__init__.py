"""Commands that write a ledger: ``run``, ``do``, ``record``, ``annotate``, ``backup``, ``restore``, ``repair``. One module a command.

May import ``nilometer.cli`` and everything below it. Begin with ``do``.
"""
