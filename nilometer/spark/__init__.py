"""A history on Spark: judged per group of hosts by the same judge, and replayed to a table of views.

May import everything in ``nilometer``; nothing imports it. Begin with ``judging``; ``submit`` is for ``spark-submit``.
"""

from nilometer.spark.judging import audit
from nilometer.spark.replaying import replay

__all__ = ["audit", "replay"]
