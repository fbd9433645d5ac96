"""The times at which events were recorded, as several writers record them side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Final

RACE_SECONDS: Final = 60
"""Writers of one ledger take turns: so long after a writer looked at the clock its events may come behind others'."""


def seconds_between(earlier: str, later: str) -> float:
    """The seconds from one time to another, both in ISO 8601."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
