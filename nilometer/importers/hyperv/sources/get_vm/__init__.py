"""VMs and hosts by the properties of PowerShell's objects: ``Get-VM`` and its kin, in whatever way they were written.

May import what ``nilometer.importers.hyperv.sources`` may, and its modules but ``registry``.
Begin with ``objects``.
"""
