"""Ledgers in a schema of a PostgreSQL database. Needs ``nilometer[postgres]``.

May import ``nilometer.storage``. Begin with ``schema`` (which schemas are ledgers), then ``recorder``.
"""
