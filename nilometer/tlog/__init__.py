"""Transparency logs as C2SP has them: Merkle trees (RFC 6962), signed notes, checkpoints, tiles, proofs, policies.

Pure: no files, databases or networks; only ``signatures`` needs ``cryptography``, when it is called.
May import ``nilometer.errors`` and ``domain``. Begin with ``merkle``, then ``notes`` and ``checkpoints``.
"""
