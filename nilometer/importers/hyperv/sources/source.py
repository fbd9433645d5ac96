"""What a source of Hyper-V histories is: it knows a file by its first bytes, and reads its lines into readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from domain.errors import InputError
from nilometer.importers.hyperv.readings import Record
from nilometer.importers.run import ImportCounts

Lines = Iterator[tuple[int, bytes]]
"""The lines of a file with their numbers, as ``nilometer.textio.texts.read_lines`` gives them."""


@dataclass(slots=True)
class Context:
    """What a source is told beside the file, and where it says what is wrong with it."""

    counts: ImportCounts
    errors: list[InputError] | None = None
    """What cannot be read is put here, and the rest is read; ``None``: the first is raised."""
    at: str | None = None
    """When a file was collected that does not say it."""
    host: str | None = None
    """Where a file was collected that does not say it."""
    zone: str | None = None
    """The zone of local times that do not say it."""

    def refuse(self, error: InputError) -> None:
        """Something cannot be read. Raises it, unless it is to be passed over."""
        if self.errors is None:
            raise error
        self.errors.append(error)

    def each(self, lines: Lines) -> Lines:
        """The lines that can be read; the others are refused."""
        while True:
            try:
                yield next(lines)
            except StopIteration:
                return
            except InputError as error:
                self.refuse(error)


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
