"""The judge of decided hosts and VMs: each event as if it were decided again on the state before it.

May import ``rules.judging`` (not ``observed``), ``rules.claims`` and what lies below. Begin with ``judge``.
"""
