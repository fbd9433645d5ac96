"""Text as it comes: gzip, encodings, line ends, strict JSON. The one way in for the bytes of a file.

May import ``nilometer.errors`` and nothing else of ``nilometer``. Begin with ``texts``.
"""
