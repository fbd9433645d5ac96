"""Histories of Hyper-V hosts, as observed events: readings in, news out.

May import ``nilometer.importers`` (not ``qemu``) and what lies below. Begin with ``importer``, then ``fold``. One VM is
in ``vm``, what an import keeps for the next one in ``going_on``, the formats of files in ``sources``.
"""
