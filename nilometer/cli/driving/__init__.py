"""Commands that ask a hypervisor to resize a running guest, and watch what comes of it.

May import everything of ``nilometer`` but other commands. Begin with ``drive``.
"""
