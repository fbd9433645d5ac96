"""A long ledger, skimmed: what a report needs of it, without decoding each event.

May import ``nilometer.report.collecting`` and what lies below it. Begin with ``stretches``, which divides a ledger;
``taking`` reads a stretch into what is ``kept``, ``decoding`` ends it, and ``beside`` uses several processes.
"""
