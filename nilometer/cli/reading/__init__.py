"""Commands that show what is recorded: ``view``, ``log``, ``show``, ``diff``, ``short``, ``info``, ``export`` and more.

May import ``nilometer.cli`` and everything below it. Begin with ``view``.
"""
