"""Mutation of the rules: does the proof notice every wrong program? ``python -m mutants``; see docs/mutation.md."""
