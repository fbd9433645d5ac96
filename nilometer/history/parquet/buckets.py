"""The buckets of an export, its folders ``group=…``: each can be read without the others.

What all of them hold together is read from the typed columns, which cost little. Only where a bucket is read whole are
they compared with the bodies: whoever uses the columns of all buckets has to see that each is read whole by somebody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow

from nilometer.history.parquet.manifest import NAME, ExportFile, Manifest, read_manifest
from nilometer.history.parquet.pieces import Piece
from nilometer.history.parquet.reading import LedgerFile, check_files, opened

LABELS: Final = ("stream", "topic")
"""Columns of texts that come again and again: they are read as dictionaries, if they are read."""


class BucketColumns(NamedTuple):
    """Some columns of the events of a run."""

    events: pyarrow.Table
    buckets_of: list[tuple[str, str]]
    """Each stream with each bucket that it is in."""


@dataclass(frozen=True, slots=True)
class BucketedExport:
    """An export in a folder that was written to its end."""

    manifest: Manifest
    digest: tuple[int, str]
    """The size and the SHA-256 of its list of files, which has the digest of each."""

    @property
    def buckets(self) -> frozenset[str]:
        """Those that hold events."""
        return frozenset(file.bucket for run in self.manifest.runs for file in run)

    def columns(self, names: Sequence[str]) -> Iterator[BucketColumns]:
        """Some columns of all events, a run after the other. Raises ``InputError``."""
        for run in self.manifest.runs:
            with opened(self.manifest, run, LABELS) as files:
                yield read_columns(files, run, names)

    def pieces(self, buckets: Collection[str]) -> Iterator[list[Iterator[Piece]]]:
        """For each run, the events of its files in some buckets. Raises ``InputError`` as reading them does.

        Those of one run are to be read before the next one is asked for.
        """
        for run in self.manifest.runs:
            with opened(self.manifest, [file for file in run if file.bucket in buckets]) as files:
                yield [file.pieces() for file in files]


def open_buckets(folder: Path) -> BucketedExport:
    """The buckets of an export. Raises ``InputError`` if it is not whole."""
    content = (folder / NAME).read_bytes()
    manifest = read_manifest(folder)
    check_files(manifest)
    return BucketedExport(manifest, (len(content), hashlib.sha256(content).hexdigest()))


def read_columns(files: Sequence[LedgerFile], run: Sequence[ExportFile], names: Sequence[str]) -> BucketColumns:
    """Some columns of the files of a run, the stream among them. Raises ``InputError``."""
    tables, buckets_of = list[pyarrow.Table](), set[tuple[str, str]]()
    for file, known in zip(files, run, strict=True):
        table = file.read_columns(names).unify_dictionaries()
        tables.append(table)
        buckets_of.update((stream, known.bucket) for stream in table.column("stream").unique().to_pylist())
    return BucketColumns(pyarrow.concat_tables(tables).unify_dictionaries(), sorted(buckets_of))
