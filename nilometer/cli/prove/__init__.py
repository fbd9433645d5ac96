"""``nilo prove``: its options, its report, its progress bar.

May import ``nilometer.cli`` and everything below it. Begin with ``command``.
"""
