"""Ledgers in a SQLite file.

May import ``nilometer.storage`` and what that may. Begin with ``files`` (which files are ledgers), then ``recorder``.
"""
