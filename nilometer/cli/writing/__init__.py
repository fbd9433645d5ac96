"""Commands that record something: ``run``, ``do``, ``record``. One module a command.

May import ``nilometer.cli`` and everything below it. Begin with ``do``.
"""
