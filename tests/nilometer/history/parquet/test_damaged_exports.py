"""Files and lists of an export that are damaged, missing, doubled or of something else: all of it is reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from domain.errors import InputError
from nilometer.audit.sieve.pieces import read_pieces
from nilometer.history.columns import STORED
from nilometer.history.opening import is_parquet
from nilometer.history.parquet.manifest import NAME, ExportFile, read_manifest
from nilometer.history.parquet.reading import opened
from tests.nilometer.history.parquet.exporting import files_of, problem_of

pytestmark = pytest.mark.usefixtures("in_small_pieces")


def rewrite(path: Path, change: Callable[[pyarrow.Table], pyarrow.Table]) -> None:
    table = pyarrow.parquet.ParquetFile(path).read()
    pyarrow.parquet.write_table(change(table), path)


def first_of_several(folder: Path) -> Path:
    """A file with several rows."""
    return next(path for path in files_of(folder) if pyarrow.parquet.ParquetFile(path).metadata.num_rows > 1)


def test_a_file_that_was_cut_off(exported: Path) -> None:
    file = files_of(exported)[1]
    file.write_bytes(file.read_bytes()[:-100])
    assert problem_of(exported) == f"{file}: this Parquet file is damaged, or was cut off"


def test_a_file_with_damaged_pages(exported: Path) -> None:
    file = files_of(exported)[0]
    content = bytearray(file.read_bytes())
    content[100:300] = bytes(200)
    file.write_bytes(content)
    assert str(file) in problem_of(exported)


def test_a_missing_file(exported: Path) -> None:
    file = files_of(exported)[1]
    file.unlink()
    assert problem_of(exported).endswith(f"{file.relative_to(exported)} is missing")


def test_a_doubled_file(exported: Path) -> None:
    file = files_of(exported)[1]
    shutil.copy(file, file.with_name("copy.parquet"))
    assert "copy.parquet is not a file of this export; is it a copy of one?" in problem_of(exported)


def test_two_files_in_the_place_of_one_another(exported: Path) -> None:
    one, other = files_of(exported)[:2]
    one.write_bytes(other.read_bytes())
    assert "it is another file than the one that the export has under this name" in problem_of(exported)


def test_rows_in_another_order(exported: Path) -> None:
    rewrite(first_of_several(exported), lambda table: table.take([1, 0]))
    assert "the rows were put in another order" in problem_of(exported)


def test_a_row_less(exported: Path) -> None:
    rewrite(first_of_several(exported), lambda table: table.slice(1))
    assert "its rows are not those that were written" in problem_of(exported)


def test_a_parquet_file_that_something_else_wrote(exported: Path) -> None:
    rewrite(files_of(exported)[0], lambda table: table.replace_schema_metadata(None))
    assert "nilo export did not write this Parquet file" in problem_of(exported)


def test_a_column_less(exported: Path) -> None:
    rewrite(files_of(exported)[0], lambda table: table.drop_columns(["body"]))
    assert "its columns are not those of version 2" in problem_of(exported)


def test_a_manifest_that_is_damaged_or_of_another_version(exported: Path) -> None:
    manifest = exported / NAME
    content = manifest.read_bytes()
    manifest.write_bytes(content.replace(b'"schema":2', b'"schema":3'))
    assert "the export has columns of version 3; this Nilometer reads 1 to 2" in problem_of(exported)
    manifest.write_bytes(content.replace(b'"first":1,', b'"first":"1",'))
    assert "this list of the export's files is damaged" in problem_of(exported)
    lines = content.splitlines(keepends=True)
    manifest.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert "were written" in problem_of(exported)
    manifest.write_bytes(b"".join([*lines[:2], lines[1], *lines[2:]]))
    assert "were written" in problem_of(exported)
    manifest.write_bytes(b"".join(lines[:-1]))
    assert "the export was not finished" in problem_of(exported)
    assert not read_manifest(exported).is_complete


def test_a_changed_body(exported: Path) -> None:
    file = first_of_several(exported)
    facts = pyarrow.parquet.ParquetFile(file).metadata.metadata or {}

    def change(table: pyarrow.Table) -> pyarrow.Table:
        bodies = [body.replace('"anna"', '"eve"') for body in table.column("body").to_pylist()]
        index = table.schema.names.index("body")
        columns: list[pyarrow.Array] = [table.column(name) for name in table.schema.names]
        columns[index] = pyarrow.array(bodies, pyarrow.string())
        return pyarrow.Table.from_arrays(columns, schema=table.schema).replace_schema_metadata(dict(facts))

    rewrite(file, change)
    assert "their SHA-256 is another" in problem_of(exported)


@pytest.mark.parametrize("name", STORED)
def test_a_cell_without_a_value_is_said_by_all_who_read_it(exported: Path, name: str) -> None:
    file = first_of_several(exported)
    facts = pyarrow.parquet.ParquetFile(file).metadata.metadata or {}

    def empty(table: pyarrow.Table) -> pyarrow.Table:
        index = table.schema.names.index(name)
        columns: list[pyarrow.Array] = [table.column(each) for each in table.schema.names]
        cells = [*columns[index].to_pylist()[:-1], None]
        columns[index] = pyarrow.array(cells, columns[index].type)
        return pyarrow.Table.from_arrays(columns, schema=table.schema).replace_schema_metadata(dict(facts))

    rewrite(file, empty)
    message = f"a row has no {name}"
    assert problem_of(exported) == f"{file}: {message}"
    with pytest.raises(InputError, match=message):
        list(read_pieces(read_manifest(exported), STORED, "vm."))
    with (
        opened(read_manifest(exported), [entry_of(exported, file)]) as (one,),
        pytest.raises(InputError, match=message),
    ):
        one.read_columns(STORED)


def entry_of(folder: Path, file: Path) -> ExportFile:
    """What the list of an export says of a file."""
    path = file.relative_to(folder).as_posix()
    return next(entry for run in read_manifest(folder).runs for entry in run if entry.path == path)


def test_a_folder_without_its_list_says_that_this_is_missing(exported: Path) -> None:
    (exported / NAME).unlink()
    with pytest.raises(InputError, match=f"{NAME} is missing, the list of the export's files"):
        is_parquet(str(exported))
