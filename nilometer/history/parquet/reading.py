"""Reads Parquet files that ``nilo export`` wrote: gives the history lines that they were made of, by position.

The order of rows is never taken from a folder or an engine: files are merged by positions, which must rise. What a
file's metadata and the manifest say it holds is compared with what is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shlex import quote
from typing import Final

import pyarrow
import pyarrow.parquet
from pydantic_core import to_json

from domain.errors import InputError
from domain.identifiers import StreamName
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri, write_lines
from nilometer.history.columns import SCHEMA_VERSION, STORED
from nilometer.history.cutting import CutLine, cut_lines, recorded_in
from nilometer.history.parquet.arrow import schema_of, to_utc_times
from nilometer.history.parquet.manifest import EXPORT_AGAIN, ExportFile, Manifest, read_manifest
from nilometer.history.parquet.pieces import Lines, Piece, first_not_rising, merge_lines, with_ends
from nilometer.storage.reader import StoredRow

ROWS_READ: Final = 1024
"""Rows of a file that are read together."""
_NOT_OURS: Final = "Nilometer reads the Parquet files that nilo export --as parquet writes, as it wrote them"

_LONG: Final = ("body",)
"""Texts that whoever needs them as such decodes: it would cost too much to look at each byte twice."""
_DAMAGE: Final = (pyarrow.ArrowException, OSError, UnicodeDecodeError)
"""What Arrow raises for a damaged file; the last one for a name of a column that is not UTF-8."""

Line = tuple[int, bytes]
"""The position of an event, and its history line with its end."""


def read_export(folder: Path) -> Iterator[bytes]:
    """The history lines of an export in a folder, some thousands together. Raises ``InputError``."""
    manifest = read_manifest(folder)
    check_files(manifest)
    last = 0
    for run in manifest.runs:
        with opened(manifest, run) as files:
            for positions, lines in merge_lines(file.lines() for file in files):
                twice = first_not_rising(positions, last)
                if twice is not None:
                    yield with_ends(lines[:twice])
                    raise InputError(
                        f"{folder}: its files have the event at position {positions[twice]} twice", hint=EXPORT_AGAIN
                    )
                last = positions[-1]
                yield with_ends(lines)


def read_file(path: Path) -> Iterator[bytes]:
    """The history lines of one file of an export, some thousands together. Raises ``InputError``."""
    file = LedgerFile(path)
    try:
        for _, lines in file.lines():
            yield with_ends(lines)
    finally:
        file.close()


def check_files(manifest: Manifest) -> None:
    """Raises ``InputError`` if an export was not written to its end, or lacks a file, or has one more."""
    folder = manifest.folder
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    check_paths(manifest, paths)


def check_paths(manifest: Manifest, paths: Iterable[str]) -> None:
    """The same, where the Parquet files that are there have these paths within the folder."""
    folder = manifest.folder
    if not manifest.is_complete:
        raise InputError(
            f"{folder}: the export was not finished: it has {manifest.events:,} events, up to position "
            f"{manifest.written} of {manifest.last}",
            hint=f"finish it: nilo export --as parquet -o {quote(str(folder))}",
        )
    named = _named(manifest)
    there = {path for path in paths if not path.rpartition("/")[2].startswith(".")}
    if missing := sorted(named - there):
        raise InputError(f"{folder}: {missing[0]} is missing{_others(missing)}", hint=EXPORT_AGAIN)
    if more := sorted(there - named):
        raise InputError(
            f"{folder}: {more[0]} is not a file of this export{_others(more)}; is it a copy of one?",
            hint="move it to another folder",
        )


def check_named(manifest: Manifest) -> None:
    """Raises ``InputError`` if a file of an export is missing, complete or not."""
    if missing := sorted(path for path in _named(manifest) if not (manifest.folder / path).is_file()):
        raise InputError(f"{manifest.folder}: {missing[0]} is missing{_others(missing)}", hint=EXPORT_AGAIN)


def _named(manifest: Manifest) -> set[str]:
    return {file.path for run in manifest.runs for file in run}


def _others(paths: list[str]) -> str:
    return f", and {len(paths) - 1} others" if len(paths) > 1 else ""


@contextmanager
def opened(manifest: Manifest, run: Sequence[ExportFile], encoded: Collection[str] = ()) -> Generator[list[LedgerFile]]:
    """Some files of an export, opened. ``encoded`` are texts that are read as dictionaries. Raises ``InputError``."""
    with ExitStack() as closing:
        files = list[LedgerFile]()
        for file in run:  # those before one that cannot be opened are closed, too
            files.append(LedgerFile(manifest.folder / file.path, file, manifest.ledger, encoded=encoded))
            closing.callback(files[-1].close)
        yield files


class LedgerFile:
    """One Parquet file of an export, opened."""

    def __init__(
        self,
        path: Path,
        expected: ExportFile | None = None,
        ledger: str = "",
        content: pyarrow.Buffer | None = None,
        encoded: Collection[str] = (),
    ) -> None:
        """``content`` is what is in the file, if somebody has read it. Raises ``InputError``."""
        self.name = str(path)
        self._encoded = encoded
        self._file = _open(path, content, encoded)
        try:
            self._ledger, self._facts = self._read_facts()
            if expected is not None and (self._ledger, self._facts) != (ledger, _facts_of(expected)):
                raise InputError(
                    f"{path}: it is another file than the one that the export has under this name", hint=EXPORT_AGAIN
                )
        except InputError:
            self._file.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def lines(self) -> Iterator[Lines]:
        """Its history lines. Raises ``InputError`` if they are not what was written."""
        return ((piece.positions, piece.lines) for piece in self._pieces(STORED))

    def pieces(self) -> Iterator[Piece]:
        """The same, with what the typed columns say."""
        return self._pieces((*STORED, "recorded"))

    def last_line(self) -> bytes:
        """Its last history line, with its end. Raises ``InputError``."""
        try:
            batch = self._file.read_row_group(self._file.num_row_groups - 1, columns=list(STORED)).to_batches()[-1]
        except (*_DAMAGE, IndexError) as error:
            raise _damaged(self.name, error) from None
        last = batch.slice(batch.num_rows - 1)
        self._check_stored(last, STORED)
        return with_ends(self._read_piece(last, has_recorded=False).lines)

    def _pieces(self, columns: Sequence[str]) -> Iterator[Piece]:
        """Its rows, and their lines, which are compared with what was written."""
        digest, events, last = hashlib.sha256(), 0, 0
        for batch in self.batches(columns):
            piece = self._read_piece(batch, has_recorded="recorded" in columns)
            wrong = first_not_rising(piece.positions, last)
            if wrong is not None:
                before = (last, *piece.positions)[wrong]
                raise InputError(
                    f"{self.name}: position {piece.positions[wrong]} stands behind {before}: "
                    "the rows were put in another order",
                    hint=EXPORT_AGAIN,
                )
            last = piece.positions[-1] if piece.positions else last
            events += len(piece.lines)
            digest.update(with_ends(piece.lines))
            yield piece
        first, ends, count, sha256 = self._facts
        if (last, events, digest.hexdigest()) != (ends, count, sha256):
            raise InputError(
                f"{self.name}: its rows are not those that were written, {count:,} events from position {first} on: "
                "their SHA-256 is another",
                hint=EXPORT_AGAIN,
            )

    def read_columns(self, names: Sequence[str]) -> pyarrow.Table:
        """Some columns of all its rows. Raises ``InputError``."""
        try:
            table = self._file.read(columns=list(names))
        except _DAMAGE as error:
            raise _damaged(self.name, error) from None
        self._check_stored(table, names)
        return table

    def _read_piece(self, batch: pyarrow.RecordBatch, *, has_recorded: bool) -> Piece:
        """Rows with their lines. Raises ``InputError``."""
        positions, streams, versions, topics = (batch.column(name).to_pylist() for name in STORED[:-1])
        bodies = batch.column("body").cast(pyarrow.binary()).to_pylist()
        recorded = to_utc_times(batch.column("recorded")) if has_recorded else []
        lines, recorded_in_lines = list[bytes](), list[bytes]()
        for line, recorded_in_line in lines_of_rows(
            positions, streams, versions, topics, bodies, ledger=self._ledger, name=self.name
        ):
            lines.append(line)
            recorded_in_lines.append(recorded_in_line)
        return Piece(positions, streams, topics, recorded, lines, recorded_in_lines)

    def column_by_group(self, name: str) -> Iterator[pyarrow.ChunkedArray]:
        """A column, a row group at a time. Raises ``InputError``."""
        try:
            for number in range(self._file.num_row_groups):
                yield self._file.read_row_group(number, columns=[name]).column(name)
        except _DAMAGE as error:
            raise _damaged(self.name, error) from None

    def batches(
        self, columns: Sequence[str], rows: int = ROWS_READ, groups: Sequence[int] | None = None
    ) -> Iterator[pyarrow.RecordBatch]:
        """Some of its columns, row group by row group; ``groups`` are the numbers of these, or ``None`` for all.

        Raises ``InputError``, also if a row is not all of an event.
        """
        try:
            for batch in self._file.iter_batches(rows, row_groups=groups, columns=list(columns), use_threads=False):
                self._check_stored(batch, columns)
                yield batch
        except _DAMAGE as error:
            raise _damaged(self.name, error) from None

    def _check_stored(self, rows: pyarrow.RecordBatch | pyarrow.Table, columns: Sequence[str]) -> None:
        for name in columns:
            if name in STORED and rows.column(name).null_count:
                raise InputError(f"{self.name}: a row has no {name}", hint=EXPORT_AGAIN)
            if name not in _LONG:
                try:
                    rows.column(name).validate(full=True)
                except pyarrow.ArrowException as error:
                    raise _damaged(self.name, error) from None

    def _read_facts(self) -> tuple[str, tuple[int, int, int, str]]:
        """The ledger, and first and last position, events and digest, as the file's metadata has them."""
        found = self._file.metadata.metadata or {}
        facts = {
            name.decode("utf-8", "replace").removeprefix("nilometer."): value.decode("utf-8", "replace")
            for name, value in found.items()
        }
        version = facts.get("schema")
        if version is None:
            raise InputError(f"{self.name}: nilo export did not write this Parquet file", hint=_NOT_OURS)
        known = version.isdecimal() and 1 <= int(version) <= SCHEMA_VERSION
        if not known or not self._file.schema_arrow.equals(schema_of(int(version), self._encoded)):
            raise InputError(
                f"{self.name}: its columns are not those of version {version[:20]} "
                f"(this Nilometer reads 1 to {SCHEMA_VERSION})",
                hint=_NOT_OURS,
            )
        try:
            return facts["ledger"], (
                int(facts["first"]),
                int(facts["last"]),
                int(facts["events"]),
                facts["sha256"],
            )
        except (KeyError, ValueError):
            raise InputError(f"{self.name}: its metadata are damaged", hint=EXPORT_AGAIN) from None


def _facts_of(file: ExportFile) -> tuple[int, int, int, str]:
    return file.first, file.last, file.events, file.sha256


def _open(path: Path, content: pyarrow.Buffer | None, encoded: Collection[str]) -> pyarrow.parquet.ParquetFile:
    source = path if content is None else pyarrow.BufferReader(content)
    try:
        return pyarrow.parquet.ParquetFile(source, pre_buffer=False, read_dictionary=list(encoded))
    except _DAMAGE as error:
        raise _damaged(str(path), error) from None


def _damaged(name: str, error: Exception) -> InputError:
    if isinstance(error, OSError) and error.errno:  # pyarrow raises some without a number, of what is in the file
        return InputError(f"{name}: {os.strerror(error.errno)}", hint="name a file that can be read")
    return InputError(f"{name}: this Parquet file is damaged, or was cut off", hint=EXPORT_AGAIN)


def lines_of_rows(
    positions: Sequence[int],
    streams: Sequence[str],
    versions: Sequence[int],
    topics: Sequence[str],
    bodies: Sequence[bytes],
    *,
    ledger: str,
    name: str,
) -> Iterator[CutLine]:
    """The history lines of rows of a file of that name. Raises ``InputError`` for a body that no line can have."""
    for index, cut in enumerate(cut_lines(positions, streams, versions, topics, bodies, to_json(source_uri(ledger)))):
        if cut is None:
            stream = StreamName(streams[index])
            row = StoredRow(positions[index], stream, versions[index], topics[index], bodies[index])
            cut = _write_line(row, ledger, name)
        yield cut


def _write_line(row: StoredRow, ledger: str, name: str) -> CutLine:
    """The line of an event that cannot be cut out of its body. Raises ``InputError``."""
    try:
        (line,) = write_lines([row], ledger)
    except UnreadableEvent as error:
        raise InputError(f"{name}: {error.message}", hint=EXPORT_AGAIN) from None
    return CutLine(line.removesuffix(b"\n"), recorded_in(line))
