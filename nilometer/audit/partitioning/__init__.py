"""A history judged in parts: its groups of hosts and VMs by several processes, or its shares by several machines.

May import what the audit may, and ``nilometer.audit`` itself with its documents. Begin with ``grouping`` (what must be
judged together), then ``parallel`` (several processes) and ``shares`` (several machines).
"""
