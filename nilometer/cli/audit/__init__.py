"""``nilo audit``: its options, its formats, and following a ledger while it grows.

May import ``nilometer.cli`` and everything below it. Begin with ``command``.
"""
