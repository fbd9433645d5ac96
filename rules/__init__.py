"""What must hold: invariants and properties, proved of the running code and judged on recorded histories.

May import ``domain`` only. Begin with ``specification`` (what must hold), then ``obligations`` (what is proved).
"""
