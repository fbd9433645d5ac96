"""Performance counters of Hyper-V, in whatever way they were collected and written.

May import what ``nilometer.importers.hyperv.sources`` may, and its modules but ``registry``.
Begin with ``samples``.
"""
