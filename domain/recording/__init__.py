"""What a command records: one rule a command gives the decision, the event and its figures, and who is written. Pure.

May import what lies below ``domain.deciding``: what is decided (``lifecycle``, ``resizing``, ``hosts``) and what an
event changes (``evolve``, ``changes``). The prover reads these rules, and the decider calls them; ``domain.deciding``
only turns their results into events with ids. A command that is refused records a refusal. Begin with ``vms``; on their
own streams record ``hosts`` and ``groups``.
"""
