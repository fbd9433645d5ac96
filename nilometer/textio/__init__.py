"""The one way in for the bytes of a file: gzip, encodings, line ends, strict JSON, and what a file is.

May import ``domain.errors`` and nothing of ``nilometer``. Begin with ``texts``, then ``identifying``.
"""
