"""The test items of the pytest plugin for recorded histories: one for each rule.

May import ``nilometer.audit``, ``rules`` and what lies below, nothing of ``nilometer.cli``. Begin with ``histories``.
"""
