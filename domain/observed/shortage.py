"""That a guest is short of memory, as its polls show it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.identifiers import UtcTime
from domain.quantities import MiB
from domain.record import Record, record

LOW_SECONDS: Final = 600
"""How long little has to be available."""
PRESSED_POLLS: Final = 5
"""The number of polls in a row in which the pressure has to be over ``FULL_PRESSURE``."""
FULL_PRESSURE: Final = 100
"""Percent: the pressure at which a guest needs all that it has."""
LITTLE: Final = 512 * MiB
"""Less than this is little available, in bytes; of a large VM, less than ``LITTLE_PERCENT``."""
LITTLE_PERCENT: Final = 5
"""Percent of what the VM is assigned."""
LITTLE_OF_SMALL: Final = 4
"""Of a small VM, less than one part in so many is little: ``LITTLE`` would be most of it."""


def find_little(assigned: int) -> int:
    """What counts as little available, in bytes, in a guest of this size."""
    return min(max(LITTLE, assigned * LITTLE_PERCENT // 100), assigned // LITTLE_OF_SMALL)


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
