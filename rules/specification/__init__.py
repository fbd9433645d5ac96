"""The specification: what must hold of every reachable state, and of every change.

A second text on purpose. It is written from stored fields alone, with its own numbers, and reaches no rule of the
program: ``figures`` says what the derived figures are, ``invariants`` what holds in every state, ``changes`` what holds
of every command.
"""
