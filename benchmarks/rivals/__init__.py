"""Other tools that say "verified", and what they say of one planted bug. ``make rivals`` runs them; no test does.

They have an environment of their own, ``.rivals``. Begin with ``__main__``; ``programs`` are the texts that they check.
"""
