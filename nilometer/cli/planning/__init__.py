"""Commands that answer before anything is done, and that do what was answered: ``can``, ``plan``, ``apply``.

May import ``nilometer.cli`` and everything below it. Begin with ``can``.
"""
