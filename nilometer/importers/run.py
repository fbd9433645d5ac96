"""One import: reads a foreign file record by record, records its observations once each, and counts its records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO, Final, Protocol, TypeVar

from domain.errors import InputError
from domain.identifiers import import_stream
from domain.observed.imports import ImportRecorded, KindCount
from nilometer.ledger.requests import Fact, Observation
from nilometer.textio.identifying.kind import Expected, empty_file
from nilometer.textio.texts import MAGIC_BYTES, READ_BYTES, read_lines
from nilometer.times import Clock, current_time, system_clock

PENDING: Final = "undecided"
"""The kind of the last records of a file, whose meaning depends on what follows: import it again when it has grown."""
READ_BEFORE: Final = "read before"
"""The kind of the records that an earlier import read: it ended behind them, and this one goes on from there."""

BATCH: Final = 100
"""The number of observations that are recorded in one commit."""
MAX_NOTES: Final = 5
"""The number of remarks of each kind that are kept in words; the others are only counted."""

T = TypeVar("T")


@dataclass(slots=True)
class ImportCounts:
    """The counts of a file's records: ``records`` = ``events`` + ``repeats`` + the sum of ``not_needed``."""

    records: int = 0
    events: int = 0
    """Records that produced events."""
    repeats: int = 0
    """Records that contain nothing new."""
    not_needed: dict[str, int] = field(default_factory=dict[str, int])
    """Records that say nothing about memory, by kind; ``undecided`` are the pending ones at the end of the file."""
    facts: int = 0
    """Events that the records produced, recorded now or before."""
    recorded: int = 0
    """Events recorded now."""

    remarks: dict[str, int] = field(default_factory=dict[str, int])
    """The number of odd records that were read all the same, by kind."""
    notes: list[str] = field(default_factory=list[str])
    """The first remarks of each kind, in words, with their places."""
    _reasons: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def add_remark(self, kind: str, note: str, reason: str | None = None) -> None:
        """Counts a remark on a record, which is read all the same. What has the same ``reason`` is noted once."""
        self.remarks[kind] = count = self.remarks.get(kind, 0) + 1
        if reason is not None:
            if (kind, reason) in self._reasons or len(self._reasons) >= MAX_NOTES:
                return
            self._reasons.add((kind, reason))
            self.notes.append(note)
        elif count <= MAX_NOTES:
            self.notes.append(note)

    def add_not_needed(self, kind: str, count: int = 1) -> None:
        """Counts records of a kind that is not needed."""
        if count:
            self.not_needed[kind] = self.not_needed.get(kind, 0) + count


@dataclass(slots=True)
class SkippedRecords:
    """Records that cannot be read: with ``keep_going`` their errors are kept, without it the first one is raised."""

    keep_going: bool = False
    errors: list[InputError] = field(default_factory=list[InputError])

    def add(self, error: InputError) -> None:
        """Skips a record. Raises the error, unless the import keeps going."""
        if not self.keep_going:
            raise error
        self.errors.append(error)

    def iter_readable(self, records: Iterator[T]) -> Iterator[T]:
        """Yields the records that can be read, and skips the others."""
        while True:
            try:
                yield next(records)
            except StopIteration:
                return
            except InputError as error:
                self.add(error)


class Hash(Protocol):
    """A digest that grows."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Adds data."""
        ...

    def copy(self) -> Hash:
        """One that is as far, and grows by itself."""
        ...

    def hexdigest(self) -> str:
        """What it is so far."""
        ...


class Importer(Protocol):
    """Reads a foreign file line by line."""

    prefix: str | None
    """The beginning of the ids of its host and VMs; ``None`` before the first record."""
    counts: ImportCounts

    def read_line(self, line: bytes, number: int) -> Iterator[Observation]:
        """Yields what is certain once this line was read. Raises ``InputError`` if it cannot be read."""
        ...

    def finish(self, *, final: bool = False) -> Iterator[Observation]:
        """Yields what is certain at the end of the file; ``final`` if it will never grow."""
        ...


class DigestedStream:
    """A file as it is when it is opened: its size and SHA-256 are known before it is read.

    What is written to its end later is not read: it is for the next import. With ``marks``, its beginnings of so many
    bytes are digested too, and it can be read from there on. With a ``length`` it ends there.
    """

    def __init__(self, stream: BinaryIO, marks: Collection[int] = (), *, length: int | None = None) -> None:
        self.is_cut = length is not None
        """Whether the file goes on behind its end."""
        self._stream = stream
        self._start = stream.tell()
        self.size = 0
        """Bytes."""
        self.ends_at = 0
        """Behind the last end of a line."""
        self.head = b""
        """Its first bytes."""
        digest: Hash = sha256()
        self._digests: dict[int, Hash] = {0: digest.copy()}
        self._at_end = digest.copy()
        while data := stream.read(READ_BYTES if length is None else min(READ_BYTES, length - self.size)):
            self.head = self.head or data[:MAGIC_BYTES]
            self._add(digest, memoryview(data), data.rfind(b"\n") + 1, marks)
        self.sha256 = digest.hexdigest()
        self.rewind()

    def _add(self, digest: Hash, data: memoryview, line_end: int, marks: Collection[int]) -> None:
        """Digests a part of the file, with its marks and the end of its last line."""
        done = 0
        for cut in sorted({line_end, *(mark - self.size for mark in marks)} if line_end or marks else ()):
            if 0 < cut <= len(data):
                digest.update(data[done:cut])
                done = cut
                if cut == line_end:
                    self.ends_at, self._at_end = self.size + cut, digest.copy()
                if self.size + cut in marks:
                    self._digests[self.size + cut] = digest.copy()
        digest.update(data[done:])
        self.size += len(data)

    def digest_until(self, mark: int) -> str | None:
        """The SHA-256 of its beginning up to a mark, or up to the end of its last line; ``None`` if it is shorter."""
        found = self._at_end if mark == self.ends_at else self._digests.get(mark)
        return None if found is None else found.hexdigest()

    def rewind(self, mark: int = 0) -> None:
        """Goes back to the beginning, or to a mark."""
        self._stream.seek(self._start + mark)
        self._left, self._digest = self.size - mark, self._digests[mark].copy()
        self.lines = 0
        """The ends of lines that were read since."""

    def read(self, size: int, /) -> bytes:
        """Reads at most so many bytes."""
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        self._digest.update(data)
        self.lines += data.count(b"\n")
        return data

    def check(self, name: str) -> None:
        """Reads the rest. Raises ``InputError`` if it is not the file that it was when it was opened."""
        while self.read(READ_BYTES):
            pass
        if self._left or self._digest.hexdigest() != self.sha256:
            raise InputError(f"{name}: the file was changed while it was read", hint="import it again")


WriteObservations = Callable[[Sequence[Observation]], Sequence[tuple[int, ...]]]
"""Records observations in one commit, each once by its key; returns the positions of each (none if it was there)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that is imported, as an import names it."""

    name: str
    format: str
    sha256: str
    size: int
    """Bytes."""

    def key(self, prefix: str) -> str:
        """The key under which the import of the whole file is recorded."""
        return f"import/{self.sha256}/{prefix}"


BeginImport = Callable[[Sequence[SourceFile], str], Sequence[Observation]]
"""Builds the observation that files begin to be imported under a prefix; none if all of them were recorded before."""


def import_file(
    importer: Importer,
    file: DigestedStream,
    *,
    name: str,
    format: str,
    write: WriteObservations,
    expected: Expected | None = None,
    final: bool = False,
    skipped: SkippedRecords | None = None,
    clock: Clock = system_clock,
    begin: BeginImport | None = None,
) -> ImportCounts:
    """Records what a file reports, and that it was imported; returns the counts of its records.

    ``name`` is the file's name, for messages. Raises ``InputError`` for a file of another kind than ``expected``, and
    for a line that cannot be read, unless ``skipped`` keeps going; what was recorded before it stays. A file that was
    imported before adds nothing, a file that has grown only what is new.
    """
    skipped = SkippedRecords() if skipped is None else skipped
    source = SourceFile(name=name, format=format, sha256=file.sha256, size=file.size)
    counts = importer.counts
    batch: list[Observation] = []

    def put(observations: Sequence[Observation]) -> int:
        """Records observations, behind the beginning of the import; returns how many events they added."""
        nonlocal begin
        if begin is None or importer.prefix is None:
            beginning = list[Observation]()
        else:
            beginning = list(begin([source], importer.prefix))
        added = write([*beginning, *observations])
        begin = None
        return sum(len(positions) for positions in added[len(beginning) :])

    def write_batch() -> None:
        observations = batch.copy()
        batch.clear()
        counts.recorded += put(observations) if observations else 0

    def read_line(numbered: tuple[int, bytes]) -> list[Observation]:
        number, line = numbered
        return list(importer.read_line(line, number))

    try:
        for observations in skipped.iter_readable(map(read_line, read_lines(file, name, expected))):
            batch.extend(observations)
            if len(batch) >= BATCH:
                write_batch()
        batch.extend(importer.finish(final=final))
    finally:
        write_batch()
    if importer.prefix is not None:
        file.check(name)
        unreadable = len(skipped.errors)
        put([observe_import(source, importer.prefix, counts, unreadable=unreadable, clock=clock)])
    elif not skipped.errors:
        raise empty_file(name, "there are no records in it")
    return counts


def observe_import(
    source: SourceFile, prefix: str, counts: ImportCounts, *, unreadable: int, clock: Clock
) -> Observation:
    """Builds the observation that a file was imported: its name, its SHA-256, and the counts of its records."""
    event = ImportRecorded(
        file=source.name,
        format=source.format,
        sha256=source.sha256,
        prefix=prefix,
        records=counts.records,
        telling=counts.events,
        events=counts.facts,
        repeats=counts.repeats,
        not_needed=_to_kind_counts(counts.not_needed),
        unreadable=unreadable,
        remarks=_to_kind_counts(counts.remarks),
    )
    fact = Fact(stream=import_stream(source.sha256), event=event, happened=current_time(clock))
    return Observation(key=source.key(prefix), facts=(fact,))


def _to_kind_counts(kinds: dict[str, int]) -> tuple[KindCount, ...]:
    return tuple(KindCount(kind, count) for kind, count in sorted(kinds.items()))
