"""The pages of a report, as HTML: from the records of ``nilometer.report.data`` and nothing else.

May import ``nilometer.report.data``, ``series`` and ``chart``, and ``nilometer.messages``. Begin with ``document``;
``parts`` has what pages share.
"""
