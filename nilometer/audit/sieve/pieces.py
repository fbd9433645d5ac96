"""An export, piece by piece in the order of positions, whatever files the events are in: for engines that take tables.

A piece has some hundred thousand events, so memory stays flat. Within a piece the events are file by file, so they are
in order only within each file. What is stored of them is long, and is read apart from the columns, a little at a time:
so it stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeAlias, cast

import numpy
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

from domain.errors import InputError
from nilometer.history.parquet.manifest import EXPORT_AGAIN, ExportFile, Manifest
from nilometer.history.parquet.reading import LedgerFile, lines_of_rows, opened

Table: TypeAlias = pyarrow.Table
"""A table of Arrow, for those who only hand it on."""

PIECE_ROWS: Final = 131_072
"""About so many events are in a piece: each begins with work that does not depend on their number."""
LEAST_ROWS: Final = 256
"""At least so many events of a file are read together."""
BODIES: Final = 2048
"""So many bodies are looked at together: about two megabytes, which stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class ExportPiece:
    """Some consecutive events of an export."""

    columns: Table
    """Their columns, file by file."""
    bodies: Iterator[pyarrow.Array]
    """What is stored of them, in the order of the columns; it can be read once, before the next piece is."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some events of a file."""

    table: Table
    positions: NDArray[numpy.int64]

    def upto(self, count: int) -> _Rows:
        """The first ones."""
        return _Rows(self.table.slice(0, count), self.positions[:count])

    def behind(self, count: int) -> _Rows:
        """The others."""
        return _Rows(self.table.slice(count), self.positions[count:])

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(slots=True)
class _Buffer:
    """What was read of a file and not given yet."""

    batches: Iterator[pyarrow.RecordBatch]
    rows: list[_Rows] = field(default_factory=list[_Rows])
    last: int = 0
    """The position of the last event that was read."""
    ended: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def read(self, name: str) -> None:
        """Reads some events more. Raises ``InputError`` if they are not in order."""
        batch = next(self.batches, None)
        if batch is None:
            self.ended = True
            return
        column = batch.column("position")
        positions = column.to_numpy(zero_copy_only=False)
        if column.null_count or (positions[1:] <= positions[:-1]).any() or positions[0] <= self.last:
            raise InputError(f"{name}: the rows were put in another order", hint=EXPORT_AGAIN)
        self.last = int(positions[-1])
        self.rows.append(_Rows(pyarrow.Table.from_batches([batch]), positions))

    def take(self, upto: int) -> list[_Rows]:
        """The events up to a position."""
        counts = [int(numpy.searchsorted(rows.positions, upto, "right")) for rows in self.rows]
        parts = list(zip(self.rows, counts, strict=True))
        self.rows = [rows.behind(count) for rows, count in parts if count < len(rows)]
        return [rows.upto(count) for rows, count in parts if count]

    def last_before(self, bound: int, begins: str) -> int:
        """The position up to a bound of the last event with such a topic; 0 if there is none."""
        for rows in reversed(self.rows):
            topics = cast("pyarrow.DictionaryArray", rows.table.column("topic").combine_chunks())
            begin_so = pyarrow.compute.starts_with(topics.dictionary, begins).take(topics.indices)
            found = rows.positions[begin_so.to_numpy(zero_copy_only=False) & (rows.positions <= bound)]
            if len(found):
                return int(found[-1])
        return 0


class _Bodies:
    """What is stored of the events of a file, in the order of its rows."""

    def __init__(self, file: LedgerFile) -> None:
        self._name, self._batches = file.name, file.batches(("body",), BODIES)
        self._left = pyarrow.array([], pyarrow.string())

    def take(self, count: int) -> Iterator[pyarrow.Array]:
        """Those of the next rows. Raises ``InputError`` if they are fewer."""
        while count:
            if not len(self._left):
                batch = next(self._batches, None)
                if batch is None:
                    raise InputError(f"{self._name}: it has fewer bodies than rows", hint=EXPORT_AGAIN)
                self._left = batch.column("body")
            taken, self._left = self._left[:count], self._left[count:]
            count -= len(taken)
            yield taken


def read_pieces(
    manifest: Manifest, columns: Sequence[str], cut_before: str, encoded: Collection[str] = ()
) -> Iterator[ExportPiece]:
    """The pieces of an export. A piece ends before an event with a topic that begins so, but for the last of a run.

    ``encoded`` are texts that are read as dictionaries, as topics are. Raises ``InputError`` for a file that is
    not what was written.
    """
    for run in manifest.runs:
        with opened(manifest, run, {"topic", *encoded}) as files, opened(manifest, run) as again:
            yield from _pieces_of(files, again, columns, cut_before)


def _pieces_of(
    files: Sequence[LedgerFile], again: Sequence[LedgerFile], columns: Sequence[str], cut_before: str
) -> Iterator[ExportPiece]:
    """``again`` are the same files: one reader of Arrow gives as many rows at a time as its last iterator asks for."""
    rows = max(LEAST_ROWS, PIECE_ROWS // len(files))
    buffers = [_Buffer(batches=file.batches(columns, rows)) for file in files]
    stored = [_Bodies(file) for file in again]
    more = 1
    while not all(buffer.ended for buffer in buffers):
        for file, buffer in zip(files, buffers, strict=True):
            while not buffer.ended and len(buffer) < rows * more:
                buffer.read(file.name)
        going_on = [buffer.last for buffer in buffers if not buffer.ended]
        bound = min(going_on) if going_on else max(buffer.last for buffer in buffers)
        if going_on:
            bound = max(buffer.last_before(bound, cut_before) for buffer in buffers) - 1
        taken = [buffer.take(bound) for buffer in buffers]
        tables = [part.table for parts in taken for part in parts]
        more = 1 if tables else more * 2
        if tables:
            parts = (bodies.take(sum(map(len, rows))) for bodies, rows in zip(stored, taken, strict=True))
            piece = ExportPiece(pyarrow.concat_tables(tables), chain.from_iterable(parts))
            yield piece
            for _ in piece.bodies:  # whatever was not read of them
                pass
            del taken, tables, piece


@contextmanager
def lines_of(
    manifest: Manifest, run: Sequence[ExportFile], streams: Collection[str]
) -> Generator[list[Iterator[tuple[int, bytes]]]]:
    """For each file of a run, the history lines of some streams, by position. Raises ``InputError``."""
    wanted = pyarrow.array(sorted(streams), pyarrow.string())
    with opened(manifest, run) as files:
        yield [_wanted_lines(manifest.ledger, file, wanted) for file in files]


def _wanted_lines(ledger: str, file: LedgerFile, wanted: pyarrow.Array) -> Iterator[tuple[int, bytes]]:
    columns = ("position", "stream", "version", "topic")
    groups = [number for number, names in enumerate(file.column_by_group("stream")) if _has_one(names, wanted)]
    for batch in file.batches((*columns, "body"), BODIES, groups):
        chosen = batch.filter(pyarrow.compute.is_in(batch.column("stream"), value_set=wanted))
        positions, streams, versions, topics = (chosen.column(name).to_pylist() for name in columns)
        bodies = chosen.column("body").cast(pyarrow.binary()).to_pylist()
        lines = lines_of_rows(positions, streams, versions, topics, bodies, ledger=ledger, name=file.name)
        yield from zip(positions, (line for line, _ in lines), strict=True)


def _has_one(names: pyarrow.ChunkedArray, wanted: pyarrow.Array) -> bool:
    found: bool | None = pyarrow.compute.any(pyarrow.compute.is_in(names, value_set=wanted)).as_py()
    return bool(found)
