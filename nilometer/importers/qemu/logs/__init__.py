"""Logs that people have of a QEMU without a driver: each becomes the records that a driver would have written.

May import ``nilometer.importers.qemu.records`` and what lies below. Begin with ``translation``.
"""
