"""Exports of small ledgers, in small pieces."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow.parquet
import pytest

from domain.envelope import Envelope
from domain.errors import InputError
from domain.events import Event
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.codecs import envelope_to_line
from nilometer.history.opening import open_history
from nilometer.history.parquet import dividing, writing
from nilometer.history.parquet.reading import read_export
from nilometer.history.parquet.writing import write_export
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from tests.rules.judging.histories import moment

ID: Final = "11111111-2222-4333-8444-555555555555"
EIGHT_HOURS: Final = 28_800


@contextmanager
def small_pieces() -> Generator[None]:
    """Runs, buckets and pieces of files begin soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "RUN_EVENTS", 7)
        patch.setattr(dividing, "BUCKET_EVENTS", 4)
        patch.setattr(writing, "ROWS_TOGETHER", 2)
        patch.setattr(writing, "ROWS_WAITING", 3)
        yield


def ledger_of(lines: bytes, folder: Path) -> Ledger:
    """A ledger into which these lines were imported; one that is there grows."""
    source = folder / "history.jsonl"
    source.write_bytes(lines)
    ledger = Ledger.open(f"sqlite:///{folder}/ledger.db", create=True, durable=False)
    with open_history(str(source)) as stream:
        restore(ledger, read_history(stream, "history.jsonl"))
    return ledger


def lines_of(envelopes: Sequence[Envelope[Event]]) -> bytes:
    """History lines of events, which are recorded over several days."""
    spread = [
        replace(each, metadata=replace(each.metadata, recorded=moment(EIGHT_HOURS * number)))
        for number, each in enumerate(envelopes)
    ]
    return b"".join(envelope_to_line(envelope, ID) + b"\n" for envelope in spread)


def export(ledger: Ledger, folder: Path) -> Path:
    """Exports a ledger, or what it got since."""
    write_export(ledger, folder, lambda _: None, lambda _: None)
    return folder


def files_of(folder: Path) -> list[Path]:
    """The Parquet files of an export."""
    return sorted(folder.rglob("*.parquet"))


def bytes_of(folder: Path) -> dict[str, bytes]:
    """What is in each file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spoil_text(path: Path, name: str, row: int) -> None:
    """Puts a byte that is not UTF-8 behind a text of a column, and changes nothing else."""
    file = pyarrow.parquet.ParquetFile(path)
    table, facts = file.read(), file.metadata.metadata or {}
    columns: list[pyarrow.Array] = [table.column(each) for each in table.schema.names]
    raw = [text.encode() for text in table.column(name).to_pylist()]
    raw[row] += b"\xff"
    texts = pyarrow.array(raw, pyarrow.binary())
    columns[table.schema.names.index(name)] = pyarrow.Array.from_buffers(pyarrow.string(), len(raw), texts.buffers())
    spoilt = pyarrow.Table.from_arrays(columns, schema=table.schema).replace_schema_metadata(dict(facts))
    pyarrow.parquet.write_table(spoilt, path)


def comes_back(before: bytes, folder: Path) -> Path:
    """An export of a history, of which the same lines can be read, and a ledger made that has them."""
    with ledger_of(before, folder) as ledger:
        exported = export(ledger, folder / "export")
    assert b"".join(read_export(exported)) == before
    with Ledger.open(f"sqlite:///{folder}/other.db", create=True, durable=False) as other:
        with open_history(str(exported)) as stream:
            restore(other, read_history(stream, "export"))
        assert b"".join(write_lines(other.rows(), other.id)) == before
    return exported


def problem_of(folder: Path) -> str:
    """What is wrong with an export."""
    with pytest.raises(InputError) as caught:
        list(read_export(folder))
    assert caught.value.hint
    return caught.value.message
