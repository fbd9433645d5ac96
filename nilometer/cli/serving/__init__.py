"""``nilo serve``: the pages of a report, live, for browsers; the JSON of the commands, and metrics, for programs.

May import what the command line may; needs ``nilometer[serve]``. Begin with ``command``, then ``live`` (what is known),
``pages`` and ``app`` (what is answered); ``guard`` and ``protocol`` say who is answered at all.
"""
