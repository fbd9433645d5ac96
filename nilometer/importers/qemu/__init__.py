"""Recordings of a QEMU driver, as observed events.

May import ``nilometer.importers`` (not ``hyperv``) and what lies below. Begin with ``importer``, then ``records``.
"""
