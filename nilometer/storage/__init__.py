"""Storage: events as stored bytes, and the databases that keep them. Only here is ``eventsourcing`` imported.

May import ``domain``, and of ``nilometer`` ``textio``, ``times`` and ``errors``. Begin with ``application``, then
``recorder``.
"""
