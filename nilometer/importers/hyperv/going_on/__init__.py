"""Going on with an import: what it knew at its end, where it ended in each file, and what the ledger had before it.

May import the modules beside it, ``vm`` and ``sources``, but not ``fold`` and what imports it. Begin with
``checkpoint``, then ``memo``.
"""
