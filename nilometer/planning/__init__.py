"""What would be granted, and what would make it possible: commands that are tried, and never recorded.

May import ``nilometer.ledger`` and what lies below it; plans are decided in memory, without a database. Begin with
``asking``; ``options`` is the search, ``observed`` asks of hosts that a hypervisor decides about.
"""
