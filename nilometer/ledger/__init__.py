"""The ledger: loads what a command reads, decides the command, and writes its events in one commit.

May import ``nilometer.views``, ``nilometer.storage`` and what lies below them. Begin with ``ledger``, then
``unit_of_work`` and ``repository``.
"""
