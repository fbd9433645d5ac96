"""The seal of a ledger: its events as the leaves of a transparency log, kept beside them, signed, and checked.

May import ``nilometer.storage``, ``nilometer.tlog`` and what is below. Begin with ``sealing``, then ``verifying``.
"""
