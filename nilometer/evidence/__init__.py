"""Evidence: a folder that an auditor takes away, and checks without Nilometer.

May import everything but the command line. Begin with ``collecting``; ``verify`` is put into the folder as it is.
"""
