"""A witness: signs the checkpoints of others' logs, as long as each goes on from the one before.

May import ``nilometer.seal`` and what lies below it. Begin with ``witness``; ``asking`` is the other side.
"""
