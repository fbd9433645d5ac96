"""One file of a Hyper-V import: its records with their times, its counts, and where the import ended in it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.identifiers import UtcTime
from nilometer.importers.hyperv.file_ends import (
    PACKED,
    FileEnd,
    UnpackedRest,
    digest_unpacked,
    is_settled,
    name_of,
    read_stamp,
)
from nilometer.importers.hyperv.readings import JobReading, SourceRecord
from nilometer.importers.hyperv.sources.registry import OpenedFile, open_file
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.hyperv.sources.spool.change_pairs import ChangePairs
from nilometer.importers.hyperv.sources.spool.spool_lines import SPOOL
from nilometer.importers.run import (
    READ_BEFORE,
    DigestedStream,
    ImportCounts,
    SkippedRecords,
    SourceFile,
    observe_import,
)
from nilometer.ledger.requests import Observation
from nilometer.textio.identifying.kind import empty_file
from nilometer.textio.texts import ByteStream, read_lines
from nilometer.times import Clock

_NO_UTF8: Final = (b"\x1f\x8b", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class HypervFile:
    """A file, to be read whole or from where an import ended in it."""

    def __init__(
        self,
        name: str,
        stream: DigestedStream | None,
        *,
        skipped: SkippedRecords | None = None,
        at: UtcTime | None = None,
        host: str | None = None,
        zone: str | None = None,
        changes: ChangePairs | None = None,
        end: FileEnd | None = None,
        is_waiting: bool = False,
    ) -> None:
        """Without a ``stream``, it is as it was when an import came to its ``end``."""
        self.name = name
        self.counts = ImportCounts()
        self.skipped = SkippedRecords() if skipped is None else skipped
        self.end = end
        self.is_waiting = is_waiting
        """Whether it stands for the files that no poll has taken in: they are read each time."""
        self._stream = stream
        self._stamp = read_stamp(name) if end is None or stream is not None else end.stamp
        if stream is not None and stream.is_cut:
            self._stamp = None  # the file system shows the whole file
        self._context = FileContext(
            host=host, at=at, zone=zone, skipped=self.skipped, counts=self.counts, changes=changes or ChangePairs()
        )
        self._opened: OpenedFile | None = None
        self._polls = self._read_polls()
        self._first: Poll | None = None
        if end is not None:
            self._context.memory = replace(end.memory, moves=dict(end.memory.moves))
            self.counts.records = end.records
            self.counts.add_not_needed(READ_BEFORE, end.records)

    def open(self) -> None:
        """Recognises the file's format. Raises ``InputError`` if that is unknown, or the file is empty."""
        if self.is_unchanged:
            return
        if self._stream is not None and self.end is not None:
            lines = read_lines(self._find_rest(self._stream, self.end), self.name, lines_before=self.end.lines)
            self._opened = OpenedFile(SPOOL, SPOOL.read(lines, self.name, self._context))
            return
        self._opened = None if self._stream is None else open_file(self._stream, self.name, self._context)
        if self._opened is None:
            raise empty_file(self.name, "there are no records in it")

    def _find_rest(self, stream: DigestedStream, end: FileEnd) -> ByteStream:
        """What stands behind the end of the last import."""
        if self.name.endswith(PACKED):
            stream.rewind()
            return UnpackedRest(stream, self.name, end.offset or 0)
        stream.rewind(end.offset or 0)
        return stream

    @property
    def is_unchanged(self) -> bool:
        """Whether it is as it was when an import read it."""
        return self.end is not None and (
            self._stream is None or (self.end.sha256, self.end.size) == (self._stream.sha256, self._stream.size)
        )

    @property
    def format(self) -> str | None:
        """The name of its format; ``None`` while it is not open."""
        if self._opened is None:
            return None if self.end is None else self.end.format
        return self._opened.format.name

    @property
    def is_snapshot(self) -> bool:
        """Whether it shows one moment, and cannot grow."""
        return self._opened is not None and self._opened.format.is_snapshot

    @property
    def is_sampled(self) -> bool:
        """Whether it has samples of counters."""
        return self._opened is not None and self._opened.format.is_sampled

    def polls(self) -> Iterator[Poll]:
        """Its records, each with its time."""
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._polls

    def _read_polls(self) -> Iterator[Poll]:
        if self._opened is None:
            return
        for record in self._opened.records:
            readings = record.readings
            at = next((reading.at for reading in readings if not isinstance(reading, JobReading)), readings[0].at)
            yield Poll(at, self, record)

    def is_in(self, folder: Path) -> bool:
        """Whether it stands in a folder."""
        return Path(self.name).parent == folder

    def peek(self) -> Poll | None:
        """Its first record, which ``polls`` gives all the same."""
        self._first = next(self._polls, None)
        return self._first

    @property
    def source(self) -> SourceFile:
        """What an import calls it."""
        digested = self._stream or self.end
        assert digested is not None
        return SourceFile(name=self.name, format=self.format or "", sha256=digested.sha256, size=digested.size)

    def note_ends_alone(self) -> None:
        """All files were read: notes the ends of recorded changes whose beginning is in none of them."""
        self._context.changes.note_ends_alone()

    def observe_import(self, prefix: str, clock: Clock) -> Observation:
        """The observation that the whole file was imported. Raises ``InputError`` if it was changed meanwhile."""
        if self._stream is not None and not self.is_unchanged:
            self._stream.check(self.name)
        unreadable = len(self.skipped.errors)
        return observe_import(self.source, prefix, self.counts, unreadable=unreadable, clock=clock)

    def find_end(self, now: UtcTime) -> FileEnd:
        """Where the import ended in it, once all of it was read."""
        stamp = self._stamp if self._stamp is not None and is_settled(self._stamp, now) else None
        if self.end is not None and self.is_unchanged:
            return replace(self.end, stamp=stamp)
        source, stream = self.source, self._stream
        end = FileEnd(
            name=name_of(self.name),
            format=source.format,
            sha256=source.sha256,
            size=source.size,
            stamp=stamp,
            records=self.counts.records,
            memory=self._context.memory,
        )
        if stream is None or source.format != SPOOL.name:
            return end
        if self.name.endswith(PACKED):
            if self.end is None:
                return end
            unpacked = digest_unpacked(stream, self.name, 0)
            if not unpacked.ends_line:
                return end
            return replace(end, offset=unpacked.size, read_sha256=unpacked.sha256, lines=unpacked.lines)
        was_read = stream.ends_at == stream.size or self._is_cut_off
        if not was_read or stream.head.startswith(_NO_UTF8) or b"\0" in stream.head:
            return end
        lines = stream.lines + (0 if self.end is None else self.end.lines)
        return replace(end, offset=stream.ends_at, read_sha256=stream.digest_until(stream.ends_at), lines=lines)

    @property
    def _is_cut_off(self) -> bool:
        """Whether its last line is cut off, and was not read."""
        return "cut off" in self.counts.remarks


@dataclass(frozen=True, slots=True)
class Poll:
    """A record in its file."""

    at: UtcTime
    """Orders records of different files; records of one file keep their order."""
    file: HypervFile
    record: SourceRecord
