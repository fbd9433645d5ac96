"""Resizing running guests: what is asked of a hypervisor, seen, and written down as evidence before the ledger has it.

May import everything below ``nilometer.audit``. Begin with ``driving``, then ``driver`` and ``evidence_file``.
"""
