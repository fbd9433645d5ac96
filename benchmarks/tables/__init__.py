"""The lines of the table of benchmarks: what each measures, beside what, and its target. One module for each subject.

May import everything in ``benchmarks`` but ``suite``. Begin with ``recording``; ``figures`` has what all share.
"""
