"""Audits, their shares and their findings as JSON, as ``nilometer/schemas/`` describes them.

May import what the audit may, and ``nilometer.audit`` itself. Begin with ``finding``, then ``audit`` and ``share``;
``schema`` checks what comes from outside.
"""
