"""How a history kept policies: those that it adopted, and those of a file.

May import ``rules.policies`` and what that may. Begin with ``judge``; ``history`` asks of what was decided,
``observing`` of what was measured, three-valued, and ``adopted`` follows adoptions and the books of groups.
"""
