"""Commands that answer before anything is done: ``can``.

May import ``nilometer.cli`` and everything below it. Begin with ``can``.
"""
