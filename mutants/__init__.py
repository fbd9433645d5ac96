"""Mutation tests of the rules: is every wrong program refuted? ``python -m mutants``; see docs/mutation.md."""
