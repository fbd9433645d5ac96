"""What the pytest plugin makes: a test item for each rule, proved, or judged on a recorded history.

May import ``nilometer.audit``, ``rules`` and what lies below, nothing of ``nilometer.cli``. Begin with ``histories``.
"""
