"""Search: the shortest history from an empty host to a state or a decision, by unrolling commands.

May import ``rules.solving``, ``rules.concrete`` and everything below them. Begin with ``actions`` (one step), then
``unrolling`` (several), then ``reachability``.
"""
