"""Transitions: the decision of each command and the state after it, as terms, composed from the program's own rules.

May import ``rules.symbolic`` and ``domain``. Begin with ``vm_commands``.
"""
