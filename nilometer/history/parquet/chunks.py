"""An export, piece by piece in the order of positions, whatever files the events are in: for engines that take tables.

A piece has some tens of thousands of events, so memory stays flat. Within a piece nothing is in order.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import pyarrow
import pyarrow.compute

from domain.errors import InputError
from domain.identifiers import StreamName
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import write_lines
from nilometer.history.parquet.manifest import EXPORT_AGAIN, ExportFile, Manifest
from nilometer.history.parquet.reading import LedgerFile, Line, opened
from nilometer.storage.reader import StoredRow

Table: TypeAlias = pyarrow.Table
"""A table of Arrow, for those who only hand it on."""

CHUNK_ROWS: Final = 32_768
"""About so many events are in a piece."""
LEAST_ROWS: Final = 256
"""At least so many events of a file are read together."""


@dataclass(slots=True)
class _Buffer:
    """What was read of a file and not given yet."""

    batches: Iterator[pyarrow.RecordBatch]
    tables: list[pyarrow.Table] = field(default_factory=list[pyarrow.Table])
    last: int = 0
    """The position of the last event that was read."""
    ended: bool = False

    def read(self, name: str) -> None:
        """Reads some events more. Raises ``InputError`` if they are not in order."""
        batch = next(self.batches, None)
        if batch is None:
            self.ended = True
            return
        positions = batch.column("position")
        rising = pyarrow.compute.all(pyarrow.compute.greater(positions[1:], positions[:-1])).as_py()
        if positions.null_count or rising is False or positions[0].as_py() <= self.last:
            raise InputError(f"{name}: the rows were put in another order", hint=EXPORT_AGAIN)
        self.last = positions[-1].as_py()
        self.tables.append(pyarrow.Table.from_batches([batch]))

    def take(self, upto: int) -> list[pyarrow.Table]:
        """The events up to a position."""
        taken, kept = list[pyarrow.Table](), list[pyarrow.Table]()
        for table in self.tables:
            count = pyarrow.compute.sum(pyarrow.compute.less_equal(table.column("position"), upto)).as_py() or 0
            if count:
                taken.append(table.slice(0, count))
            if count < table.num_rows:
                kept.append(table.slice(count))
        self.tables = kept
        return taken


def read_chunks(
    manifest: Manifest, columns: Sequence[str], cut_before: str, encoded: Collection[str] = ()
) -> Iterator[pyarrow.Table]:
    """The pieces of an export. A piece ends before an event with a topic that begins so, but for the last of a run.

    ``encoded`` are texts that are read as dictionaries, other than topics. Raises ``InputError`` for a file that is
    not what was written.
    """
    for run in manifest.runs:
        with opened(manifest, run, encoded) as files:
            yield from _chunks_of(files, columns, cut_before)


def _chunks_of(files: Sequence[LedgerFile], columns: Sequence[str], cut_before: str) -> Iterator[pyarrow.Table]:
    rows = max(LEAST_ROWS, CHUNK_ROWS // len(files))
    buffers = [_Buffer(batches=file.batches(columns, rows)) for file in files]
    more = 1
    while not all(buffer.ended for buffer in buffers):
        for file, buffer in zip(files, buffers, strict=True):
            while not buffer.ended and sum(table.num_rows for table in buffer.tables) < rows * more:
                buffer.read(file.name)
        going_on = [buffer.last for buffer in buffers if not buffer.ended]
        bound = min(going_on) if going_on else max(buffer.last for buffer in buffers)
        if going_on:
            bound = _last_before(buffers, bound, cut_before)
        taken = [table for buffer in buffers for table in buffer.take(bound)]
        more = 1 if taken else more * 2
        if taken:
            piece = pyarrow.concat_tables(taken)
            del taken
            yield piece
            del piece


def _last_before(buffers: Sequence[_Buffer], bound: int, begins: str) -> int:
    """The last position up to a bound that stands before an event with such a topic; 0 if there is none."""
    found = 0
    for buffer in buffers:
        for table in reversed(buffer.tables):
            wanted = pyarrow.compute.and_(
                pyarrow.compute.starts_with(table.column("topic"), begins),
                pyarrow.compute.less_equal(table.column("position"), bound),
            )
            position = pyarrow.compute.max(table.column("position").filter(wanted)).as_py()
            if position is not None:
                found = max(found, position)
                break
    return found - 1


@contextmanager
def lines_of(
    manifest: Manifest, run: Sequence[ExportFile], streams: Collection[str]
) -> Generator[list[Iterator[Line]]]:
    """For each file of a run, the history lines of some streams. Raises ``InputError``."""
    wanted = pyarrow.array(sorted(streams), pyarrow.string())
    with opened(manifest, run) as files:
        yield [_wanted_lines(manifest.ledger, file, wanted) for file in files]


def _wanted_lines(ledger: str, file: LedgerFile, wanted: pyarrow.Array) -> Iterator[Line]:
    columns = ("position", "stream", "version", "topic", "body")
    for batch in file.batches(columns, 4096):
        chosen = batch.filter(pyarrow.compute.is_in(batch.column("stream"), value_set=wanted))
        values = (chosen.column(name).to_pylist() for name in columns)
        for position, stream, version, topic, body in zip(*values, strict=True):
            row = StoredRow(position, StreamName(stream), version, topic, body.encode())
            yield position, write_line(row, ledger, file.name)


def write_line(row: StoredRow, ledger: str, name: str) -> bytes:
    """The history line of a row of a file. Raises ``InputError`` if it is not as it was written."""
    try:
        (line,) = write_lines([row], ledger)
    except UnreadableEvent as error:
        raise InputError(f"{name}: {error.message}", hint=EXPORT_AGAIN) from None
    return line
