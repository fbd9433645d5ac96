"""Prediction: a change that is recorded, to the byte, as the rules record it is not read, and needs no judge.

May import what the audit may, and ``audit.expected``. Begin with ``lines``, which compares lines with what must stand
there; ``forms`` writes that, from the expected events.
"""
