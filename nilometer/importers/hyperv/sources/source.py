"""What a source of Hyper-V histories is: it knows a file by its first bytes, and reads its lines into readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nilometer.importers.hyperv.readings import Record
from nilometer.importers.run import ImportCounts, SkippedRecords

Lines = Iterator[tuple[int, bytes]]
"""The lines of a file with their numbers, as ``nilometer.textio.texts.read_lines`` gives them."""


@dataclass(slots=True)
class Context:
    """What a source is told beside the file, and where it says what is wrong with it."""

    counts: ImportCounts
    skipped: SkippedRecords = field(default_factory=SkippedRecords)
    at: str | None = None
    """When a file was collected that does not say it."""
    host: str | None = None
    """Where a file was collected that does not say it."""
    zone: str | None = None
    """The zone of local times that do not say it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file."""

    name: str
    """As the import is recorded: ``hyperv-spool``."""
    expected: str
    """What a file of the kind is, in words."""
    recognises: Callable[[bytes], bool]
    """Whether a file is one, by its beginning in UTF-8: whole lines, some kilobytes."""
    read: Callable[[Lines, str, Context], Iterator[Record]]
    """The records of a file that has this name, in its order."""
    of_a_moment: bool = False
    """A file tells of one moment, and will not grow: nothing of it has to wait for its next record."""
