"""The core of the memory model written a second time, in TLA+, and TLC to search it.

``memory.tla`` was written by hand from the documentation. ``memory.cfg`` bounds it to two VMs on a host of 4 MiB, which
TLC searches in less than a minute. ``transitions.tla`` bounds it another way, with the program's own ``QUANTUM`` and
``FLOOR``, and tells every transition: ``transitions.json.gz`` keeps them, and the tests ask the program for each.
"""
