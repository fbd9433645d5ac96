"""Audits: histories from files and ledgers, read for the judge, judged in one or several processes.

May import ``nilometer.history``, ``nilometer.messages`` and what lies below. Begin with ``reading`` and
``histories``, then ``result``; ``partitioning`` judges a history in parts.
"""
