"""The judge: checks every event of a history against every rule that applies, with the rules that decide.

May import what lies below in ``rules``. Begin with ``findings`` (the verdicts), then ``judge`` (the entry point).
"""
