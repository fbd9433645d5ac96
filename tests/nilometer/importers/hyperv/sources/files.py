"""Reading files of Hyper-V hosts in tests: what they tell, and what could not be read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from domain.identifiers import UtcTime
from nilometer.importers.hyperv.readings import HostReading, PowerReading, Reading, VmReading
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.run import SkippedRecords
from nilometer.textio.texts import ByteStream

SAMPLES = Path(__file__).parents[1] / "samples"
AT = UtcTime("2026-11-23T09:00:00.000000Z")
WEB = "11111111-1111-1111-1111-111111111111"
DB = "22222222-2222-2222-2222-222222222222"


class Parser(Protocol):
    """A module that reads one kind of file."""

    def recognises(self, first: bytes) -> bool:
        """Whether a file that begins so is of this kind."""
        ...

    def read(self, stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
        """What the file tells."""
        ...


def sample(name: str) -> bytes:
    """A file of the samples."""
    return (SAMPLES / name).read_bytes()


def read(parser: Parser, data: bytes | str, context: FileContext | None = None) -> list[Reading]:
    """All that a file tells, which has to be read without fault."""
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list(parser.read(stream, "file", context or FileContext(at=AT)))


def read_on(parser: Parser, data: bytes | str, context: FileContext | None = None) -> tuple[list[Reading], list[str]]:
    """All that can be read of a file, and the messages of what cannot be; each has its place and a hint."""
    skipped = SkippedRecords(keep_going=True)
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    readings = list(parser.read(stream, "file", replace(context or FileContext(at=AT), skipped=skipped)))
    assert all(error.hint and error.message.startswith("file:") for error in skipped.errors)
    return readings, [error.message for error in skipped.errors]


def vms(readings: list[Reading]) -> list[VmReading]:
    """What was measured of VMs."""
    return [reading for reading in readings if isinstance(reading, VmReading)]


def hosts(readings: list[Reading]) -> list[HostReading]:
    """What was measured of hosts."""
    return [reading for reading in readings if isinstance(reading, HostReading)]


def powers(readings: list[Reading]) -> list[PowerReading]:
    """What the event log told."""
    return [reading for reading in readings if isinstance(reading, PowerReading)]
