"""The event logs of Hyper-V, in whatever way they were exported.

May import what ``nilometer.importers.hyperv.sources`` may, and its modules but ``registry``.
Begin with ``event_log``.
"""
