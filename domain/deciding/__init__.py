"""Deciding: from a command and what it reads to a decision and the events that record it. Pure.

May import everything else in ``domain`` but ``observed``. Begin with ``reads`` (what is loaded) and ``decider``;
``steps`` is the table of rules and events, ``world`` decides in memory, ``redecide`` repeats a recorded decision.
"""
