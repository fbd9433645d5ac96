"""Evidence: a folder that an auditor takes away, and checks without Nilometer.

May import ``nilometer.queries`` and what lies below it. Begin with ``collecting``; ``verify`` is put into the folder as
it is.
"""
