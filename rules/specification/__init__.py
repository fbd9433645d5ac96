"""The specification: what must hold in every reachable state, and for every change. A second text, on purpose.

May import the types of ``domain`` and nothing else: it reads stored fields, has its own numbers, and calls no rule of
the program. Begin with ``figures``, then ``invariants`` (every state) and ``changes`` (every change); ``conditions``
says when each command is refused, ``effects`` what it changes.
"""
