"""Which kind of log a file is, by the line that it begins with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from domain.identifiers import UtcTime
from nilometer.importers.qemu.logs import memory_stats, messages
from nilometer.importers.qemu.logs.memory_stats import MemoryStats
from nilometer.importers.qemu.logs.monitor import MonitorLog


class Translation(Protocol):
    """Turns the lines of a log into records. What a line gives depends on the lines up to it alone."""

    @property
    def passed_over(self) -> int:
        """How many lines gave no record."""
        ...

    def translate(self, line: bytes, place: str) -> Iterator[bytes]:
        """The records of a line. Raises ``InputError`` for a line that cannot be read."""
        ...

    def finish(self) -> Iterator[bytes]:
        """The records that are certain once nothing follows."""
        ...


def find_translation(line: bytes, name: str, vm: str | None, at: UtcTime | None) -> Translation | None:
    """What translates a log that begins with this line; ``None`` for a file that is no log but a recording."""
    if messages.recognises(line):
        return MonitorLog(name, vm)
    return MemoryStats(name, vm, at) if memory_stats.recognises(line) else None
