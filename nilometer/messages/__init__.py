"""Messages: events, requests, refusals and short grants as sentences for people. No rule is decided here.

May import ``nilometer.ledger`` and what lies below, ``projections`` and ``rules.wording``. Begin with ``events``, which
leads to ``decided``, ``observed`` and ``policies``.
"""
