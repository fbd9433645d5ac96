"""The judge of observed hosts and VMs: what a hypervisor did, as far as its figures were measured.

May import ``rules.judging`` (not ``decided``), ``rules.claims`` and what lies below. Begin with ``judge``.
"""
