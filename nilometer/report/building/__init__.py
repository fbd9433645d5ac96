"""From one pass over a history to the records that pages show: all texts are made here.

May import ``nilometer.report.collecting`` and what lies below it. Begin with ``report``; then ``fleet``, ``hosts``,
``vms``, ``findings`` and ``rules``, a page each. ``context`` has what they share.
"""
