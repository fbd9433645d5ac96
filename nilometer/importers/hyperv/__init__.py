"""Histories of Hyper-V hosts, as observed events: readings in, news out.

May import ``nilometer.importers`` (not ``qemu``) and what lies below. Begin with ``importer``, then ``fold``.
"""
