"""Writes a history as Parquet files: ``date=…/group=…``, a run of events after the other.

A run is of one day, or of a million events of it; its events are divided among buckets, along groups of hosts and VMs
that belong together. Its files get their names when all of them are whole, and then the manifest names them. A writing
that was killed goes on behind the last run that the manifest names, and comes to the same files as one that was not.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet
from pydantic_core import to_json

from domain.errors import InputError
from nilometer.history.cloudevents import to_cloudevent
from nilometer.history.columns import COLUMNS, SCHEMA_VERSION, ColumnReader
from nilometer.history.groups import StreamGroups
from nilometer.history.parquet.arrow import SCHEMA, to_table
from nilometer.history.parquet.manifest import (
    NAME,
    ExportFile,
    Manifest,
    create_private,
    digest_of,
    drop_torn_line,
    read_manifest,
)
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.reader import StoredRow

RUN_EVENTS: Final = 1_000_000
"""The most events of one run."""
ROWS_TOGETHER: Final = 16_384
"""Rows of a file that are written together."""
ROWS_WAITING: Final = 32_768
"""The most rows that wait in memory, over all files."""
BUCKET_EVENTS: Final = 250_000
"""A shorter history is not divided into buckets."""
MOST_BUCKETS: Final = 16
FIRST_DATE: Final = "1970-01-01"
"""The day of events that do not say when they were recorded, and have none before them that does."""
_TEXTS_ONCE: Final = ("body",)
"""Columns whose texts do not come again: a dictionary of them is of no use."""

Progress = Callable[[int], None]


def write_export(
    ledger: LedgerReader, folder: Path, progress: Progress, counting: Progress, bucket_events: int | None = None
) -> Manifest:
    """Writes the history of a ledger into a folder, or goes on to; returns what is there in the end.

    Both are called with the number of events: ``counting`` while it is looked which hosts belong together. There is a
    bucket for so many events, ``bucket_events``, or for as many as ``BUCKET_EVENTS`` says. Raises
    ``InputError`` for a folder that holds something else, and ``UnreadableEvent``.
    """
    manifest = _begin(ledger, folder, bucket_events or BUCKET_EVENTS)
    if manifest.is_complete:
        return manifest
    buckets = _divide(ledger, manifest.last, manifest.buckets, counting)
    runs = _Runs(manifest)
    try:
        for row, cloudevent, columns in _read(ledger, manifest.last, progress):
            if row.position > manifest.written:
                runs.add(buckets[row.stream], columns, to_json(cloudevent) + b"\n")
    except BaseException:
        runs.abandon()
        raise
    runs.finish()
    manifest.complete()
    return manifest


def _read(
    ledger: LedgerReader, last: int, progress: Progress
) -> Iterator[tuple[StoredRow, dict[str, Any], tuple[object, ...]]]:
    reader = ColumnReader()
    for row in ledger.rows(upto=last):
        cloudevent = to_cloudevent(row, ledger.id)
        yield row, cloudevent, reader.read(row, cloudevent)
        progress(row.position)


_RECORDED: Final = [column.name for column in COLUMNS].index("recorded")


def _begin(ledger: LedgerReader, folder: Path, bucket_events: int) -> Manifest:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: this is no folder", hint="name a new folder: nilo export --as parquet -o DIR")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = {path.name for path in folder.iterdir()}
        if NAME in there:
            drop_torn_line(folder)
            if (folder / NAME).stat().st_size:
                return _go_on(ledger, folder)
            (folder / NAME).unlink()
        elif there:
            raise InputError(
                f"{folder}: this folder holds something else than an export of Nilometer; it was not touched",
                hint="name a new folder",
            )
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}", hint="name a folder that can be written") from None
    last = ledger.position
    buckets = max(1, min(MOST_BUCKETS, last // bucket_events))
    manifest = Manifest(folder=folder, ledger=ledger.id, last=last, buckets=buckets)
    manifest.create()
    return manifest


def _go_on(ledger: LedgerReader, folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.ledger != ledger.id:
        raise InputError(
            f"{folder} has an export of another ledger, {manifest.ledger}; it was not touched", hint="name a new folder"
        )
    if manifest.last > ledger.position:
        raise InputError(
            f"{folder} has an export up to position {manifest.last}; the ledger ends at {ledger.position}",
            hint="was an older backup of the ledger restored? name a new folder",
        )
    if manifest.schema != SCHEMA_VERSION and not (manifest.is_complete and manifest.last == ledger.position):
        raise InputError(
            f"{folder} has an export with columns of version {manifest.schema}; this Nilometer writes "
            f"version {SCHEMA_VERSION}, and cannot go on with it; it was not touched",
            hint="name a new folder",
        )
    if manifest.is_complete and manifest.last < ledger.position:
        raise InputError(
            f"{folder} has an export that is complete up to position {manifest.last}; "
            f"the ledger has come to {ledger.position} since",
            hint="name a new folder, or remove this one",
        )
    return manifest


def _divide(ledger: LedgerReader, last: int, buckets: int, progress: Progress) -> Mapping[str, int]:
    """The bucket of each stream, from 0: the largest group first, each into the bucket that has the least."""
    streams, groups, is_divisible = Counter[str](), StreamGroups(), True
    for position, stream, _, topic, body in ledger.columns(upto=last):
        streams[stream] += 1
        is_divisible &= groups.add_event(stream.encode(), topic.rpartition("/")[0].encode(), body)
        progress(position)
    if not is_divisible:  # the host of some event could not be found
        return dict.fromkeys(streams, 0)
    sizes = Counter[bytes]()
    for stream, count in streams.items():
        sizes[groups.root(stream.encode())] += count
    loads, bucket = [0] * buckets, dict[bytes, int]()
    for group, count in sizes.most_common():
        bucket[group] = least = loads.index(min(loads))
        loads[least] += count
    return {stream: bucket[groups.root(stream.encode())] for stream in streams}


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

    def add(self, bucket: int, columns: tuple[object, ...], line: bytes) -> None:
        file = self._files.get(bucket)
        if file is None:
            path = f"date={self.date}/group={bucket:02}/events-{self._first:012}.parquet"
            file = self._files[bucket] = _File(self._manifest.folder, path)
        file.add(columns, line)
        self.events += 1
        if self.events % ROWS_WAITING == 0:
            for waiting in self._files.values():
                waiting.write()

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
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._hidden = self._target.with_name(f".{self._target.name}.{os.getpid()}")
        self._hidden.unlink(missing_ok=True)
        self._stream = create_private(self._hidden)
        self._writer = pyarrow.parquet.ParquetWriter(
            self._stream,
            SCHEMA,
            compression="zstd",
            use_dictionary=[column.name for column in COLUMNS if column.name not in _TEXTS_ONCE],
        )
        self._rows: list[tuple[object, ...]] = []
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
        if len(self._rows) == ROWS_TOGETHER:
            self.write()

    def write(self) -> None:
        if self._rows:
            self._writer.write_table(to_table(self._rows))
            self._rows = []

    def close(self, facts: Mapping[str, str]) -> ExportFile:
        self.write()
        sha256 = self._digest.hexdigest()
        facts = {**facts, "first": str(self._first), "last": str(self._last)}
        facts |= {"events": str(self._events), "sha256": sha256}
        self._writer.add_key_value_metadata({f"nilometer.{name}": value for name, value in facts.items()})
        self._writer.close()
        os.fsync(self._stream.fileno())
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
        self._writer.close()
        self._stream.close()
        self._hidden.unlink(missing_ok=True)

    def publish(self) -> None:
        self._hidden.replace(self._target)
