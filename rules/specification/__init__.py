"""The specification: what must hold in every reachable state, and for every change.

It is a second text on purpose: it reads only stored fields, has its own numbers, and calls no rule of the program. May
import ``domain`` (its types only). Begin with ``figures`` (derived figures), ``invariants`` (every state), ``changes``
(every command).
"""
