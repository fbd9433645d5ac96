"""``nilo policy``: policies of the user's own.

May import ``nilometer.cli`` and everything below it. Begin with ``group``.
"""
