"""The files that Hyper-V hosts and their tools write: a folder a family, a module a format, all read into readings.

May import ``nilometer.importers.hyperv.readings``, ``nilometer.importers.run`` and ``nilometer.textio``. Begin with
``source``, then ``registry``.
"""
