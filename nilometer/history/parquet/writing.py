"""Writes a history as Parquet files: ``date=…/group=…``, a run of events after the other.

A run is of one day, or of a million events of it; its events are divided among buckets, along groups of hosts and VMs
that belong together. Its files get their names when all of them are whole, and then the manifest names them. A writing
that was killed goes on behind the last run that the manifest names, and comes to the same files as one that was not.
What the ledger has got since is written behind it in the same way: what was written before is not touched.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet
from pydantic_core import to_json

from domain.errors import InputError
from nilometer.history.cloudevents import to_cloudevent, write_lines
from nilometer.history.columns import COLUMNS, REMEMBERED, SCHEMA_VERSION, ColumnReader
from nilometer.history.parquet.arrow import SCHEMA, to_table
from nilometer.history.parquet.dividing import count_buckets, divide
from nilometer.history.parquet.manifest import (
    NAME,
    ExportFile,
    Manifest,
    bucket_name,
    create_private,
    digest_of,
    drop_torn_line,
    read_manifest,
)
from nilometer.history.parquet.one_writer import one_writer
from nilometer.history.parquet.reading import check_named, opened
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.reader import StoredRow
from nilometer.textio.durable import make_folders, replace_file, sync_file

RUN_EVENTS: Final = 1_000_000
"""The most events of one run."""
ROWS_TOGETHER: Final = 32_768
"""The most rows of a file that are written together, as one row group: to begin one takes a reader some time."""
ROWS_WAITING: Final = 65_536
"""The most rows that wait in memory, over all files: about 100 MB."""
ROWS_AS_OBJECTS: Final = 1024
"""The most rows of a file that wait as objects of Python, which take more memory than columns."""
FIRST_DATE: Final = "1970-01-01"
"""The day of events that do not say when they were recorded, and have none before them that does."""
_BODY: Final = "body"
_TEXTS_ONCE: Final = (_BODY, "correlation", "causation")
"""Columns whose texts hardly come again: a dictionary of them is of no use."""
_RISING: Final = ("position", "version", "happened", "earliest", "recorded", "read_host_stream_version")
"""Columns whose numbers and moments rise: how much takes less room than they themselves."""
_QUICKLY: Final = -3
"""How strongly zstd packs bodies: by a fifth less than is usual, and it is unpacked in three quarters of the time."""

Progress = Callable[[int], None]


def write_export(
    ledger: LedgerReader, folder: Path, progress: Progress, counting: Progress, bucket_events: int | None = None
) -> Manifest:
    """Writes the history of a ledger into a folder, or goes on to; returns what is there in the end.

    An export that is complete grows to what the ledger has now. Both functions are called with the number of events:
    ``counting`` while it is looked which hosts belong together. A new export has a bucket for so many events,
    ``bucket_events``, or for as many as ``BUCKET_EVENTS`` says. Raises ``InputError`` for a folder that holds something
    else, and ``UnreadableEvent``.
    """
    _make_folder(folder)
    with one_writer(folder):
        return _write_export(ledger, folder, progress, counting, bucket_events)


def _write_export(
    ledger: LedgerReader, folder: Path, progress: Progress, counting: Progress, bucket_events: int | None
) -> Manifest:
    last = ledger.position
    manifest = _begin(ledger, folder, last, bucket_events)
    if manifest.is_complete and manifest.last == last:
        return manifest
    ends = [*manifest.grown, manifest.last, *([last] if manifest.is_complete else [])]
    _remove_left(folder)
    division = divide(ledger, ends, manifest.buckets, counting)
    runs = _Runs(manifest)
    try:
        if manifest.is_complete:
            manifest.grow(last, division.joined)
        for row, cloudevent, columns in _read(ledger, manifest.written, manifest.last, progress):
            runs.add(division.buckets[row.stream], columns, to_json(cloudevent) + b"\n")
        runs.finish()
        manifest.complete()
    except BaseException as error:
        runs.abandon()
        if isinstance(error, OSError):  # such as a full disk; files have other names while they are written
            error.filename = str(folder)
        raise
    return manifest


def _remove_left(folder: Path) -> None:
    """Removes what an export that was killed left behind, which nothing reads."""
    for left in folder.glob("date=*/group=*/.events-*.parquet.*"):
        left.unlink(missing_ok=True)


def _read(
    ledger: LedgerReader, after: int, last: int, progress: Progress
) -> Iterator[tuple[StoredRow, dict[str, Any], tuple[object, ...]]]:
    reader = ColumnReader()
    for row in ledger.rows(upto=last):
        if row.position > after:
            cloudevent = to_cloudevent(row, ledger.id)
            yield row, cloudevent, reader.read(row, cloudevent)
        elif row.topic.rpartition("/")[0] in REMEMBERED:
            reader.read(row, to_cloudevent(row, ledger.id))
        progress(row.position)


_RECORDED: Final = [column.name for column in COLUMNS].index("recorded")


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: this is not a folder", hint="name a new folder: nilo export --as parquet -o DIR")
    try:
        make_folders(folder, 0o700)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}", hint=_WRITABLE) from None


def _begin(ledger: LedgerReader, folder: Path, last: int, bucket_events: int | None) -> Manifest:
    try:
        there = {path.name for path in folder.iterdir()}
        if NAME in there:
            drop_torn_line(folder)
            if (folder / NAME).stat().st_size:
                return _go_on(ledger, folder, last)
            (folder / NAME).unlink()
        elif there:
            raise InputError(
                f"{folder}: this folder holds something else than an export of Nilometer; it was not touched",
                hint="name a new folder",
            )
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}", hint=_WRITABLE) from None
    manifest = Manifest(folder=folder, ledger=ledger.id, last=last, buckets=count_buckets(last, bucket_events))
    manifest.create()
    return manifest


def _go_on(ledger: LedgerReader, folder: Path, last: int) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.ledger != ledger.id:
        raise InputError(
            f"{folder} has an export of another ledger, {manifest.ledger}; it was not touched", hint="name a new folder"
        )
    if manifest.last > last:
        raise InputError(
            f"{folder} has an export up to position {manifest.last}; the ledger ends at {last}", hint=_RESTORED
        )
    if manifest.schema != SCHEMA_VERSION and not (manifest.is_complete and manifest.last == last):
        raise InputError(
            f"{folder} has an export with columns of version {manifest.schema}; this Nilometer writes "
            f"version {SCHEMA_VERSION}, and cannot go on with it; it was not touched",
            hint="name a new folder",
        )
    check_named(manifest)
    _compare_last_event(ledger, manifest)
    return manifest


_WRITABLE: Final = "name a folder that can be written"
_RESTORED: Final = "was an older backup of the ledger restored? name a new folder"


def _compare_last_event(ledger: LedgerReader, manifest: Manifest) -> None:
    """Raises ``InputError`` if the last event that was written is not that of the ledger."""
    position = manifest.written
    if not position:
        return
    last = [file for file in manifest.runs[-1] if file.last == position]
    with opened(manifest, last) as files:
        written = [file.last_line() for file in files]
    if written != list(write_lines(ledger.rows(position - 1, position), ledger.id)):
        raise InputError(
            f"{manifest.folder} has an export with another event at position {position} than the ledger has; "
            "it was not touched",
            hint=_RESTORED,
        )


class _Runs:
    """Begins a run with each day, and behind so many events."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._date = FIRST_DATE
        self._run: _Run | None = None

    def add(self, bucket: int, columns: tuple[object, ...], line: bytes) -> None:
        recorded, position = columns[_RECORDED], columns[0]
        assert isinstance(position, int)
        self._date = recorded[:10] if isinstance(recorded, str) else self._date
        if self._run is not None and (self._run.date != self._date or self._run.events == RUN_EVENTS):
            self.finish()
        if self._run is None:
            self._run = _Run(self._manifest, self._date, position)
        self._run.add(bucket, columns, line)

    def finish(self) -> None:
        """Ends the run that is being written, if there is one."""
        if self._run is not None:
            self._manifest.add_run(self._run.close())
            self._run = None

    def abandon(self) -> None:
        """Gives up the run that is being written: nothing of it stays."""
        if self._run is not None:
            self._run.abandon()


class _Run:
    """The files of a run while they are written."""

    def __init__(self, manifest: Manifest, date: str, first: int) -> None:
        self.date, self.events = date, 0
        self._manifest, self._first = manifest, first
        self._files: dict[int, _File] = {}
        self._waiting = 0
        """How many rows wait, over all files."""

    def add(self, bucket: int, columns: tuple[object, ...], line: bytes) -> None:
        file = self._files.get(bucket)
        if file is None:
            path = f"date={self.date}/{bucket_name(bucket)}/events-{self._first:012}.parquet"
            file = self._files[bucket] = _File(self._manifest.folder, path)
        file.add(columns, line)
        self.events += 1
        self._waiting += 1
        if file.waiting == ROWS_TOGETHER:
            self._write(file)
        elif self._waiting == ROWS_WAITING:
            self._write(max(self._files.values(), key=lambda one: one.waiting))

    def _write(self, file: _File) -> None:
        self._waiting -= file.waiting
        file.write()

    def close(self) -> list[ExportFile]:
        """Ends all files, and then gives them their names."""
        facts = {"schema": str(SCHEMA_VERSION), "ledger": self._manifest.ledger, "date": self.date}
        files = [
            file.close(facts | {"group": str(bucket), "groups": str(self._manifest.buckets)})
            for bucket, file in sorted(self._files.items())
        ]
        for file in self._files.values():
            file.publish()
        return files

    def abandon(self) -> None:
        for file in self._files.values():
            file.abandon()


class _File:
    """A file that is written under another name, which nothing takes for data."""

    def __init__(self, folder: Path, path: str) -> None:
        self._path, self._target = path, folder / path
        make_folders(self._target.parent)
        self._hidden = self._target.with_name(f".{self._target.name}.{os.getpid()}")
        self._hidden.unlink(missing_ok=True)
        self._stream = create_private(self._hidden)
        self._writer = pyarrow.parquet.ParquetWriter(
            self._stream,
            SCHEMA,
            compression="zstd",
            compression_level={_BODY: _QUICKLY},
            use_dictionary=[column.name for column in COLUMNS if column.name not in (*_TEXTS_ONCE, *_RISING)],
            column_encoding=dict.fromkeys(_RISING, "DELTA_BINARY_PACKED"),
        )
        self._rows: list[tuple[object, ...]] = []
        self._tables: list[pyarrow.Table] = []
        self.waiting = 0
        """How many rows wait to be written."""
        self._digest = hashlib.sha256()
        self._positions: list[int] = []
        self._first = self._last = self._events = 0

    def add(self, columns: tuple[object, ...], line: bytes) -> None:
        position = columns[0]
        assert isinstance(position, int)
        self._first, self._last = self._first or position, position
        self._events += 1
        self._digest.update(line)
        self._rows.append(columns)
        self.waiting += 1
        if len(self._rows) == ROWS_AS_OBJECTS:
            self._keep_as_columns()

    def write(self) -> None:
        """Writes the rows that wait, as one row group."""
        self._keep_as_columns()
        if self._tables:
            self._writer.write_table(pyarrow.concat_tables(self._tables))
            self._tables, self.waiting = [], 0

    def _keep_as_columns(self) -> None:
        if self._rows:
            self._tables.append(to_table(self._rows))
            self._rows = []

    def close(self, facts: Mapping[str, str]) -> ExportFile:
        self.write()
        sha256 = self._digest.hexdigest()
        facts = {**facts, "first": str(self._first), "last": str(self._last)}
        facts |= {"events": str(self._events), "sha256": sha256}
        self._writer.add_key_value_metadata({f"nilometer.{name}": value for name, value in facts.items()})
        self._writer.close()
        sync_file(self._stream)
        self._stream.close()
        return ExportFile(
            path=self._path,
            first=self._first,
            last=self._last,
            events=self._events,
            sha256=sha256,
            file_sha256=digest_of(self._hidden),
        )

    def abandon(self) -> None:
        with suppress(OSError):  # what is still to be written may have no room
            self._writer.close()
        with suppress(OSError):
            self._stream.close()
        self._hidden.unlink(missing_ok=True)

    def publish(self) -> None:
        replace_file(self._hidden, self._target)
