"""What is shown of a history: guest-visible memory, host books, the timeline, and the differences of two moments. Pure.

May import ``domain`` alone. Begin with ``advancing`` (the fold of one host or VM), then ``fleet`` (the fold of all),
``view``, ``books``, ``timeline`` and ``diff``.
"""
