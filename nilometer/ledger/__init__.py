"""The ledger: loads what a command reads, has it decided, and writes the events in one commit.

May import ``nilometer.views``, ``nilometer.storage`` and what lies below them. Begin with ``ledger``.
"""
