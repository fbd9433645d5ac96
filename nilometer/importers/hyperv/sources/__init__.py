"""The files that Hyper-V hosts and their tools write, one module a format, each read into the same readings.

May import ``nilometer.importers.hyperv.readings``, ``nilometer.importers.run`` and ``nilometer.textio``. Begin with
``source``, then ``registry``.
"""
