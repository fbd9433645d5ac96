"""That a guest is short of memory, as its polls show it."""

from __future__ import annotations

from enum import StrEnum

from domain.identifiers import UtcTime
from domain.record import Record, record


class ShortBy(StrEnum):
    """What shows that a guest is short of memory."""

    AVAILABLE = "available"
    """Little of its memory is available."""
    PRESSURE = "pressure"
    """It is at its maximum, and Dynamic Memory's pressure is over 100: it needs more than it has."""


@record()
class MemoryShortage(Record):
    """A shortage that goes on."""

    by: ShortBy
    since: UtcTime
    available: int | None
    """The least that was available when it was noticed, in bytes."""
    pressure: int | None
    """Percent, when it was noticed."""
