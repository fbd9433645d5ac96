"""Views: what the events of a ledger come to, stored beside them so that a question need not read them all.

May import ``nilometer.storage``, ``projections`` and what lies below. Begin with ``views``.
"""
