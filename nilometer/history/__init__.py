"""Histories for exchange: events as CloudEvents 1.0 in JSON Lines, written, read and taken into a ledger.

May import ``nilometer.ledger`` and what lies below it. Begin with ``cloudevents``; the format is described in
``docs/history-format.md``.
"""
