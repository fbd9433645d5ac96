"""What a file format of Hyper-V histories is: it recognises a file by its first bytes, and reads it into readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import UtcTime
from nilometer.importers.hyperv.readings import SourceRecord
from nilometer.importers.hyperv.sources.spool.change_pairs import ChangePairs
from nilometer.importers.run import ImportCounts, SkippedRecords

Lines = Iterator[tuple[int, bytes]]
"""The lines of a file with their numbers, as ``nilometer.textio.texts.read_lines`` gives them."""

_ANY_HOST: Final = frozenset({"", ".", "localhost", "127.0.0.1", "[::1]"})


@dataclass(slots=True)
class FileMemory:
    """What the reader of a file that grows keeps for what comes behind its end."""

    polled_at: UtcTime | None = None
    """The time of the last poll."""
    moves: dict[str, str] = field(default_factory=dict[str, str])
    """Where VMs were moved to, by the jobs of the polls."""


@dataclass(slots=True, kw_only=True)
class FileContext:
    """What is known beside a file of a Hyper-V host, and what is counted and skipped of it."""

    host: str | None = None
    """The host of a file that does not name it."""
    at: UtcTime | None = None
    """When a file was collected that does not say it."""
    zone: str | None = None
    """The zone of local times: ``Europe/Berlin``, ``+01:00`` or ``UTC``."""
    skipped: SkippedRecords = field(default_factory=SkippedRecords)
    counts: ImportCounts = field(default_factory=ImportCounts)
    changes: ChangePairs = field(default_factory=ChangePairs)
    """The files of changes that were read so far, of all files of an import: a day ends between two."""
    memory: FileMemory = field(default_factory=FileMemory)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """One format of files."""

    name: str
    """As the import is recorded: ``hyperv-spool``."""
    expected: str
    """What a file of this format is, in words."""
    recognises: Callable[[bytes], bool]
    """Whether a file has this format, by its beginning in UTF-8: whole lines, some kilobytes."""
    read: Callable[[Lines, str, FileContext], Iterator[SourceRecord]]
    """The records of a file that has this name, in its order."""
    is_sampled: bool = False
    """Its records are samples of counters, which are read regularly."""
    is_snapshot: bool = False
    """A file shows one moment, and will not grow: nothing of it has to wait for its next record."""


def host_name(text: str | None) -> str | None:
    """A host's name in lower case, as Windows ignores case; ``None`` for what every host is called."""
    name = (text or "").strip().lower()
    return None if name in _ANY_HOST else name
