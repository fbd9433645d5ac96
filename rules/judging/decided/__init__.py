"""The judge of decided hosts and VMs: each decision is made again, on the state before it.

May import ``rules.judging`` (not ``observed``), ``rules.claims`` and what lies below. Begin with ``judge``.
"""
