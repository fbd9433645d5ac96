"""A history as Parquet: typed columns for questions, and beside them what is stored of each event, byte for byte.

May import ``nilometer.ledger`` and what lies below it; needs ``nilometer[parquet]``. Begin with ``writing``, then
``reading``; the columns are those of ``nilometer.history.columns``, described in ``docs/parquet.md``.
"""
