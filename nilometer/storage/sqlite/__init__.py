"""Ledgers in a SQLite file.

May import ``nilometer.storage``. Begin with ``files`` (which files are ledgers), then ``recorder``.
"""
