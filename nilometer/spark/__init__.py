"""A history on Spark: judged per group of hosts by the same judge, and replayed to a table of views.

May import everything in ``nilometer``; nothing imports it. Begin with ``judging``; ``submit`` is for ``spark-submit``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nilometer.spark.judging import audit
    from nilometer.spark.replaying import replay
else:

    def __getattr__(name: str) -> object:
        """Loads a name when it is used: ``submit`` has to say itself that what Spark needs is not installed."""
        if name in _MODULES:
            return getattr(import_module(_MODULES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_MODULES = {"audit": "nilometer.spark.judging", "replay": "nilometer.spark.replaying"}
__all__ = ["audit", "replay"]
