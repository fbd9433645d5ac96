"""What an importer makes of a foreign file: observations to record, each once, and the counts of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from domain.errors import InputError
from domain.identifiers import import_stream
from domain.observed.events import ImportRecorded, KindCount
from nilometer.ledger.requests import Fact, Observation
from nilometer.textio.texts import READ_BYTES, ByteStream, read_lines
from nilometer.times import current_time

UNDECIDED = "undecided"
"""The kind of the last records of a file, whose meaning hangs on what follows: import it again when it has grown."""

BATCH = 100
"""Observations recorded in one commit."""
NOTES_MOST = 5
"""Of each kind of remark so many are told in words; the others are counted."""


@dataclass(slots=True)
class ImportCounts:
    """The counts of a file's records: ``records`` = ``events`` + ``repeats`` + the sum of ``not_needed``."""

    records: int = 0
    events: int = 0
    """Records that gave events."""
    repeats: int = 0
    """Records that told again what another had told."""
    not_needed: dict[str, int] = field(default_factory=dict[str, int])
    """Records that tell nothing of memory, by kind; ``undecided`` are those at the end that wait for what follows."""
    facts: int = 0
    """Events that the records gave, recorded now or before."""
    recorded: int = 0
    """Events recorded now."""

    remarks: dict[str, int] = field(default_factory=dict[str, int])
    """What was odd about records that were read all the same, by kind."""
    notes: list[str] = field(default_factory=list[str])
    """The first remarks of each kind, in words, with their places."""

    def add_remark(self, kind: str, note: str) -> None:
        """Counts what is odd about a record, which is read all the same."""
        self.remarks[kind] = count = self.remarks.get(kind, 0) + 1
        if count <= NOTES_MOST:
            self.notes.append(note)

    def add_not_needed(self, kind: str, count: int = 1) -> None:
        """Counts records of a kind that is not needed."""
        if count:
            self.not_needed[kind] = self.not_needed.get(kind, 0) + count


class Importer(Protocol):
    """Reads a foreign file record by record."""

    prefix: str | None
    """What the ids of its host and VMs begin with; ``None`` before the first record."""
    counts: ImportCounts

    def take(self, line: bytes, number: int) -> Iterator[Observation]:
        """What is certain once this line, of this number, was read. Raises ``InputError`` if it cannot be read."""
        ...

    def finish(self, *, final: bool = False) -> Iterator[Observation]:
        """The file's end; ``final`` if it will never grow."""
        ...


class Digested:
    """A file that is read, and the digest of all its bytes once they have been."""

    def __init__(self, stream: ByteStream) -> None:
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._digest = sha256()

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; a pipe gives what it has."""
        data = self._read(size)
        self._digest.update(data)
        return data

    def whole(self) -> str:
        """The digest of the whole file, of which what was left unread is read now."""
        while self.read(READ_BYTES):
            pass
        return self._digest.hexdigest()


Recording = Callable[[Sequence[Observation]], Sequence[tuple[int, ...]]]
"""Records observations in one commit, each once by its key; gives the positions of each (none if it was there)."""


def import_file(
    importer: Importer,
    stream: ByteStream,
    *,
    name: str,
    format: str,
    record: Recording,
    final: bool = False,
    errors: list[InputError] | None = None,
) -> ImportCounts:
    """Records all that a file tells, and that it was imported; returns the counts.

    ``name`` is the file's, for people. With a list for ``errors``, lines that cannot be read are collected there and
    the rest is read; without one the first raises ``InputError``, and what was recorded before it stays. A file that
    was imported before adds nothing, one that has grown only what is new.
    """
    file = Digested(stream)
    counts = importer.counts
    batch: list[Observation] = []

    def write() -> None:
        observations = batch.copy()
        batch.clear()
        counts.recorded += sum(len(positions) for positions in record(observations)) if observations else 0

    try:
        for given in _given(importer, read_lines(file, name), errors):
            batch.extend(given)
            if len(batch) >= BATCH:
                write()
        batch.extend(importer.finish(final=final))
    finally:
        write()
    if importer.prefix is None:
        if errors:
            return counts
        raise InputError(f"{name}: there are no records in it", hint="is it the file you meant, and whole?")
    digest = file.whole()
    last = ImportRecorded(
        file=name,
        format=format,
        sha256=digest,
        prefix=importer.prefix,
        records=counts.records,
        telling=counts.events,
        events=counts.facts,
        repeats=counts.repeats,
        not_needed=to_kind_counts(counts.not_needed),
        unreadable=len(errors or ()),
        remarks=to_kind_counts(counts.remarks),
    )
    fact = Fact(import_stream(digest), last, current_time())
    record([Observation(f"import/{digest}/{importer.prefix}", (fact,))])
    return counts


def _given(
    importer: Importer, read: Iterator[tuple[int, bytes]], errors: list[InputError] | None
) -> Iterator[list[Observation]]:
    """What each line gives; what cannot be read is put to the errors, if they are kept."""
    while True:
        try:
            number, line = next(read)
            given = list(importer.take(line, number))
        except StopIteration:
            return
        except InputError as error:
            if errors is None:
                raise
            errors.append(error)
        else:
            yield given


def to_kind_counts(kinds: dict[str, int]) -> tuple[KindCount, ...]:
    """Counts by kind, as an import's event has them."""
    return tuple(KindCount(kind, count) for kind, count in sorted(kinds.items()))
