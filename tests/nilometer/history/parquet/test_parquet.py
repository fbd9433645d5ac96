"""A history as Parquet: it comes back byte for byte, and what is damaged, missing or doubled is reported."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.audit.sieve.pieces import read_pieces
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.columns import COLUMNS, STORED
from nilometer.history.opening import is_parquet, open_history
from nilometer.history.parquet import writing
from nilometer.history.parquet.manifest import NAME, ExportFile, read_manifest
from nilometer.history.parquet.reading import opened, read_export, read_file
from nilometer.history.parquet.writing import write_export
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.history.parquet.exporting import ID, bytes_of, export, files_of, ledger_of, lines_of, small_pieces
from tests.oracle.strategies import Drawn, Seeded
from tests.paths import HISTORY_GOLDENS, POLICY_GOLDEN
from tests.rules.judging.histories import history, random_history

GOLDENS = [*sorted(HISTORY_GOLDENS.glob("*.jsonl")), *sorted(POLICY_GOLDEN.parent.glob("policies*.jsonl"))]


@pytest.fixture(autouse=True, scope="module")
def in_small_pieces() -> Iterator[None]:
    """Runs, buckets and pieces of files begin soon."""
    with small_pieces():
        yield


# The law: what is exported comes back to the byte, from the files and from a ledger that they were imported into


def comes_back(before: bytes, folder: Path) -> Path:
    with ledger_of(before, folder) as ledger:
        exported = export(ledger, folder / "export")
    assert b"".join(read_export(exported)) == before
    with Ledger.open(f"sqlite:///{folder}/other.db", create=True, durable=False) as other:
        with open_history(str(exported)) as stream:
            restore(other, read_history(stream, "export"))
        assert b"".join(write_lines(other.rows(), other.id)) == before
    return exported


@pytest.mark.parametrize(("golden", "schema"), [("policies", 1), ("policies-2", 2)])
def test_a_folder_that_an_earlier_version_wrote_is_read_to_the_byte(golden: str, schema: int) -> None:
    folder = Path(__file__).with_name("goldens") / golden  # POLICY_GOLDEN as it exported that; never changes
    assert read_manifest(folder).schema == schema
    assert b"".join(read_export(folder)) == POLICY_GOLDEN.read_bytes()


def test_an_export_that_an_earlier_version_began_is_not_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(Path(__file__).with_name("goldens") / "policies", folder)
    manifest = folder / NAME
    begun = b"".join(manifest.read_bytes().splitlines(keepends=True)[:-1])  # all but that it is complete
    manifest.write_bytes(begun)
    with ledger_of(POLICY_GOLDEN.read_bytes(), tmp_path) as ledger, pytest.raises(InputError) as caught:
        export(ledger, folder)
    assert "has an export with columns of version 1; this Nilometer writes version 2" in caught.value.message
    assert manifest.read_bytes() == begun


READ = ("id", "stream_version", "version", "total", "reserve", "held")


def test_what_a_decision_read_is_in_columns(tmp_path: Path) -> None:
    exported = comes_back((HISTORY_GOLDENS / "resizes-2.jsonl").read_bytes(), tmp_path)
    compared = 0
    for file in files_of(exported):
        table = pyarrow.parquet.ParquetFile(file).read()
        columns = [
            table.column(name).to_pylist() for name in ("body", "read_vm", *(f"read_host_{key}" for key in READ))
        ]
        for body, read_vm, *read_host in zip(*columns, strict=True):
            evidence = json.loads(body)["data"].get("evidence") or {"host": None, "vm": None}
            host, vm = evidence["host"], evidence["vm"]
            assert read_host == [host[key] if host else None for key in READ]
            assert json.loads(read_vm or "null") == vm
            compared += host is not None and vm is not None
    assert compared


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: path.stem)
def test_what_every_version_wrote_and_imported_comes_back_to_the_byte(golden: Path, tmp_path: Path) -> None:
    comes_back(golden.read_bytes(), tmp_path)


@settings(max_examples=8, deadline=None)
@given(data=st.data(), length=st.integers(1, 40))
def test_whatever_was_decided_comes_back_to_the_byte(data: st.DataObject, length: int) -> None:
    before = lines_of(random_history(Drawn(data), length))
    if before:
        with TemporaryDirectory() as folder:
            comes_back(before, Path(folder))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a decided history: several days, several groups of hosts, more than one run a day."""
    recorded = random_history(Seeded(11), 100)
    alone = {**WEB, "vm": "alone", "host": "alone01"}
    more = history(
        {**HOST, "host": "alone01"}, alone, {**START, "vm": "alone"}, do("add-memory", "alone", amount="2MiB")
    )
    recorded += [replace(each, position=len(recorded) + number) for number, each in enumerate(more, start=1)]
    return comes_back(lines_of(recorded), tmp_path_factory.mktemp("decided"))


@pytest.fixture
def exported(decided: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(decided, tmp_path / "export"))


def test_its_folders_are_days_and_buckets_of_groups(decided: Path) -> None:
    days = {path.parent.parent.name for path in files_of(decided)}
    buckets = {path.parent.name for path in files_of(decided)}
    assert {"date=2026-11-23", "date=2026-11-24"} < days
    assert {"group=00", "group=01"} <= buckets


def test_a_vm_and_its_hosts_are_in_one_bucket(decided: Path) -> None:
    buckets: dict[str, set[str]] = {}
    for path in files_of(decided):
        table = pyarrow.parquet.ParquetFile(path).read()
        for name in ("vm", "host"):
            for id in table.column(name).to_pylist():
                buckets.setdefault(f"{name} {id}", set()).add(path.parent.name)
    del buckets["vm None"]
    assert {key: found for key, found in buckets.items() if len(found) > 1} == {}


def test_each_file_says_in_its_metadata_what_it_holds(decided: Path) -> None:
    for path in files_of(decided):
        facts = pyarrow.parquet.ParquetFile(path).metadata.metadata or {}
        lines = b"".join(read_file(path)).splitlines()
        assert facts[b"nilometer.ledger"] == ID.encode()
        assert int(facts[b"nilometer.events"]) == len(lines)
        assert b'"position":%b,' % facts[b"nilometer.first"] in lines[0]
        assert b'"position":%b,' % facts[b"nilometer.last"] in lines[-1]


# Columns


@pytest.mark.parametrize(("together", "waiting"), [(4, 99), (99, 5)])
def test_few_rows_wait_for_a_row_group(tmp_path: Path, together: int, waiting: int) -> None:
    with pytest.MonkeyPatch.context() as patch, ledger_of(POLICY_GOLDEN.read_bytes(), tmp_path) as ledger:
        patch.setattr(writing, "RUN_EVENTS", 1000)
        patch.setattr(writing, "ROWS_TOGETHER", together)
        patch.setattr(writing, "ROWS_WAITING", waiting)
        files = [pyarrow.parquet.ParquetFile(path) for path in files_of(export(ledger, tmp_path / "few"))]
    groups = [file.read_row_group(number).num_rows for file in files for number in range(file.num_row_groups)]
    assert max(groups) == min(together, waiting)


def test_the_columns_are_what_the_event_says(tmp_path: Path) -> None:
    with ledger_of((HISTORY_GOLDENS / "resizes-2.jsonl").read_bytes(), tmp_path) as ledger:
        folder = export(ledger, tmp_path / "export")
        events = {envelope.position: envelope for envelope in ledger.events()}
    seen = set[str]()
    for path in files_of(folder):
        table = pyarrow.parquet.ParquetFile(path).read()
        for row in zip(*(table.column(column.name).to_pylist() for column in COLUMNS), strict=True):
            found = dict(zip((column.name for column in COLUMNS), row, strict=True))
            envelope = events[found["position"]]
            event, metadata = envelope.event, envelope.metadata
            seen.add(event.KIND)
            for name in ("actor", "via", "reason", "correlation", "causation"):
                assert found[name] == getattr(metadata, name)
            assert found["happened"].isoformat(timespec="microseconds") == metadata.happened.replace("Z", "+00:00")
            for name in ("command", "outcome", "code", "origin", "requested", "granted", "size"):
                assert found[name] == getattr(event, name, None)
            for when in ("before", "after"):
                figures = getattr(event, when)
                for name in (column.name for column in COLUMNS if column.name.startswith(when)):
                    expected = getattr(figures, name.removeprefix(f"{when}_"), None)
                    assert found[name] == expected
    assert {"vm.memory-added", "vm.memory-removed", "host.memory-granted", "vm.command-refused"} <= seen


def test_an_observed_change_has_its_device_and_sizes(tmp_path: Path) -> None:
    with ledger_of((HISTORY_GOLDENS / "observed-1.jsonl").read_bytes(), tmp_path) as ledger:
        folder = export(ledger, tmp_path / "export")
    names = ("kind", "device", "size_from", "size_to", "requested", "why", "after_assigned")
    rows = [
        row
        for path in files_of(folder)
        for table in [pyarrow.parquet.ParquetFile(path).read()]
        for row in zip(*(table.column(name).to_pylist() for name in names), strict=True)
    ]
    requests = [row for row in rows if row[0] == "vm.change-requested"]
    moves = [row for row in rows if row[0] == "vm.memory-moved"]
    assert all(row[1] and row[3] is not None and abs(row[3] - row[2]) == row[4] for row in requests)
    assert all(row[5] for row in moves)
    assert requests
    assert moves
    assert any(row[6] for row in rows if row[0] == "vm.observed")


# Stopped in between


class Stopped(Exception):
    """Stands for a kill at any event."""


@pytest.mark.parametrize("at", [1, 30, 61])
def test_an_export_that_was_killed_goes_on_to_the_same_files(decided: Path, tmp_path: Path, at: int) -> None:
    with ledger_of(b"".join(read_export(decided)), tmp_path) as ledger:

        def stop(position: int) -> None:
            if position == at:
                raise Stopped

        target = tmp_path / "export"
        with pytest.raises(Stopped):
            write_export(ledger, target, stop, lambda _: None)
        with pytest.raises(InputError, match="the export was not finished"):
            list(read_export(target))
        with (target / NAME).open("ab") as stream:
            stream.write(b'{"files":[{"path":"da')  # a line that was being written
        export(ledger, target)
    assert bytes_of(target) == bytes_of(decided)


def test_what_a_killed_export_left_behind_is_removed_by_the_next(decided: Path, tmp_path: Path) -> None:
    with ledger_of(b"".join(read_export(decided)), tmp_path) as ledger:
        target = tmp_path / "export"
        with pytest.raises(Stopped):
            write_export(ledger, target, stop_at_once, lambda _: None)
        for file in files_of(decided)[:2]:
            left = target / file.relative_to(decided).with_name(f".{file.name}.4711")
            left.parent.mkdir(parents=True, exist_ok=True)
            left.write_bytes(b"PAR1")
        export(ledger, target)
    assert bytes_of(target) == bytes_of(decided)


def stop_at_once(_: int) -> None:
    raise Stopped


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folders")
def test_a_second_export_into_the_same_folder_meanwhile_is_refused(decided: Path, tmp_path: Path) -> None:
    """Both would have written every event, and nothing would read the folder any more."""
    with ledger_of(b"".join(read_export(decided)), tmp_path) as ledger:
        target, said = tmp_path / "export", list[str]()

        def export_too(position: int) -> None:
            if position == 30:
                with pytest.raises(InputError) as refused:
                    export(ledger, target)
                said.append(refused.value.message)

        write_export(ledger, target, export_too, lambda _: None)
        assert said == [f"{target}: another nilo export is writing it; this one did nothing"]
        assert export(ledger, target) == target
    assert bytes_of(target) == bytes_of(decided)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit the size of a file")
def test_where_a_file_has_no_room_the_folder_is_named_and_nothing_is_left_behind(decided: Path, tmp_path: Path) -> None:
    import resource

    with ledger_of(b"".join(read_export(decided)), tmp_path) as ledger:
        target, before = tmp_path / "export", resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        try:
            with pytest.raises(OSError, match="File too large") as full:
                export(ledger, target)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert full.value.filename == str(target)
        assert [path.name for path in target.rglob("*") if path.is_file()] == [NAME]
        export(ledger, target)
    assert bytes_of(target) == bytes_of(decided)


def test_an_export_that_is_complete_is_left_as_it_is(decided: Path, exported: Path) -> None:
    before = bytes_of(exported)
    with Ledger.open(f"sqlite:///{decided.parent}/ledger.db", read_only=True) as ledger:
        export(ledger, exported)
    assert bytes_of(exported) == before


def test_a_folder_with_something_else_is_not_touched(decided: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with Ledger.open(f"sqlite:///{decided.parent}/ledger.db", read_only=True) as ledger:
        with pytest.raises(InputError, match="holds something else"):
            export(ledger, tmp_path)
        with pytest.raises(InputError, match="this is not a folder"):
            export(ledger, tmp_path / "mine.txt")
    assert bytes_of(tmp_path) == {"mine.txt": b"mine"}


def test_an_export_of_another_ledger_is_not_touched(exported: Path, tmp_path: Path) -> None:
    other = ledger_of((HISTORY_GOLDENS / "resizes-2.jsonl").read_bytes(), tmp_path)
    with other as ledger, pytest.raises(InputError, match="an export of another ledger"):
        export(ledger, exported)


# Damaged


def problem_of(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        list(read_export(folder))
    assert caught.value.hint
    return caught.value.message


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
