"""A history as Parquet: typed columns for questions, and beside them what is stored of each event, byte for byte.

May import ``nilometer.ledger`` and what lies below it; needs ``nilometer[parquet]``. Begin with ``columns``, then
``writing`` and ``reading``; the columns are described in ``docs/parquet.md``.
"""
