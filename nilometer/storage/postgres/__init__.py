"""Ledgers in a schema of a PostgreSQL database. Needs ``nilometer[postgres]``.

May import ``nilometer.storage`` and what that may. Begin with ``schema`` (which schemas are ledgers), then
``recorder``.
"""
