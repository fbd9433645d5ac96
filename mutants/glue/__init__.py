"""Mutation of the glue: what lies between a command and its stored event, beside the rules, changed as people slip.

May import ``domain`` and ``mutants.places``. Begin with ``changes`` (what is changed), then ``judging`` (who notices)
and ``turns`` (whom to ask first).
"""
