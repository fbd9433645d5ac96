"""Events in the forms that SIEMs take: OCSF, ECS and CEF, one event a line.

May import ``nilometer.history`` and what lies below it. Begin with ``forms``, then ``facts``; the mappings are
described in ``docs/siem.md``.
"""
