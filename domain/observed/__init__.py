"""Observed hosts and VMs: the events of histories that a hypervisor decided, and the folds of their streams. Pure.

May import ``domain``'s events and what lies below them, and nothing of ``domain.deciding``. Begin with ``events``, then
``words`` (what their words mean) and ``vm``.
"""
