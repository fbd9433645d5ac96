from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pyarrow import BufferReader, RecordBatch, Schema, Table

class FileMetaData:
    metadata: Mapping[bytes, bytes] | None
    num_rows: int
    num_row_groups: int

class ParquetFile:
    metadata: FileMetaData
    schema_arrow: Schema
    def __init__(
        self, source: Path | BufferReader, *, pre_buffer: bool = ..., read_dictionary: Sequence[str] | None = ...
    ) -> None: ...
    def iter_batches(
        self,
        batch_size: int,
        *,
        row_groups: Sequence[int] | None = ...,
        columns: Sequence[str] | None = ...,
        use_threads: bool = ...,
    ) -> Iterator[RecordBatch]: ...
    def read_row_group(self, i: int, *, columns: Sequence[str] | None = ...) -> Table: ...
    num_row_groups: int
    def read(self, *, columns: Sequence[str] | None = ...) -> Table: ...
    def close(self) -> None: ...

class ParquetWriter:
    def __init__(
        self,
        where: BinaryIO,
        schema: Schema,
        *,
        compression: str,
        compression_level: Mapping[str, int] | None = ...,
        use_dictionary: Sequence[str] | bool,
        column_encoding: Mapping[str, str] | None = ...,
    ) -> None: ...
    def write_table(self, table: Table) -> None: ...
    def add_key_value_metadata(self, key_value_metadata: Mapping[str, str]) -> None: ...
    def close(self) -> None: ...

def write_table(table: Table, where: Path) -> None: ...
