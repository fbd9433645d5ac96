"""What is told of a VM, and what waits to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nilometer.importers.hyperv.jobs import UNKNOWN, Who
from nilometer.importers.hyperv.readings import JobKind, VmReading
from nilometer.ledger.requests import Fact


@dataclass(frozen=True, slots=True)
class Told:
    """A fact, the story that it is part of, and who did it (``None``: nobody did anything, it was measured)."""

    fact: Fact
    story: str | None
    who: Who | None


@dataclass(slots=True)
class Window:
    """Moves that are told as one: Dynamic Memory moves all day."""

    earliest: str | None
    last: VmReading
    least: int
    most: int


JobOf = Callable[[VmReading, str | None, frozenset[JobKind]], Who]


def no_job(reading: VmReading, earliest: str | None, kinds: frozenset[JobKind]) -> Who:
    """No job is known."""
    return UNKNOWN
