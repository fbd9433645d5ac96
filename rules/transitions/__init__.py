"""What each command does to what it reads and writes, as terms, put together from the program's own rules.

May import ``rules.symbolic`` and ``domain``. Begin with ``vm_commands``.
"""
