"""Deciding: from a command and what it reads to a decision and the events that record it. Pure.

May import everything else in ``domain`` but ``observed``. Begin with ``decider``; ``steps`` says which rule decides
which command, ``redecide`` makes a recorded decision again from its evidence.
"""
