"""Histories of Hyper-V hosts, as observed events: readings in, news out.

May import ``nilometer.importers`` (not ``qemu``) and what lies below. Begin with ``importer``, then ``fold``; ``vm`` has
what is known of one VM, ``going_on`` what an import keeps for the next one, ``sources`` the formats of files.
"""
