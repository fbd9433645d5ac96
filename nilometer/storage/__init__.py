"""Storage: events as stored bytes, and the databases that keep them. Only here is ``eventsourcing`` imported.

May import ``nilometer.textio``, ``nilometer.errors`` and ``domain``. Begin with ``application``, then ``recorder``.
"""
