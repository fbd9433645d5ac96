"""Policies of the user's own: sentences over a host or a VM, read from a file, never run as text.

May import all of ``rules`` but ``proving``. Begin with ``reading`` (from a file to terms), then ``checking``;
``judging`` asks policies of histories.
"""
