"""One VM of a Hyper-V import: what is known of it, and the events that its readings, requests and power states add.

May import the modules beside it, and ``sources``, but not ``fold`` and what imports it. Begin with ``vm``, then
``reading``.
"""
