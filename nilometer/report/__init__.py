"""The report: pages that anyone can open, made from the views of a ledger and from the judge's findings alone.

May import ``nilometer.queries`` and what lies below it. Begin with ``series``, what a chart shows, as plain records.
"""
