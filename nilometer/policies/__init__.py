"""Policies of the user's own on a ledger: how a history kept them.

May import ``nilometer.ledger`` and what lies below it. Begin with ``history``.
"""
