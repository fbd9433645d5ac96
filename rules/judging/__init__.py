"""The judge: every event of a history against every rule that speaks of it, by the rules that decide and are proved.

Read in this order: ``findings`` (what a verdict is), ``scope`` (which events are asked about), ``judge`` (the door).
"""
