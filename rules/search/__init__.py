"""Searching: the shortest history from an empty host to a state or a decision, by unrolling commands.

May import ``rules.solving`` and everything below it. Begin with ``actions`` (one step), then ``reachability``.
"""
