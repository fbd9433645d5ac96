"""A history as Parquet: it comes back byte for byte."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.history.columns import COLUMNS
from nilometer.history.parquet import writing
from nilometer.history.parquet.manifest import NAME, read_manifest
from nilometer.history.parquet.reading import read_export, read_file
from nilometer.history.parquet.writing import write_export
from nilometer.ledger.ledger import Ledger
from tests.nilometer.history.parquet.exporting import (
    ID,
    bytes_of,
    comes_back,
    export,
    files_of,
    ledger_of,
    lines_of,
)
from tests.oracle.strategies import Drawn
from tests.paths import HISTORY_GOLDENS, POLICY_GOLDEN
from tests.rules.judging.histories import random_history

pytestmark = pytest.mark.usefixtures("in_small_pieces")

GOLDENS = [*sorted(HISTORY_GOLDENS.glob("*.jsonl")), *sorted(POLICY_GOLDEN.parent.glob("policies*.jsonl"))]


# The law: what is exported comes back to the byte, from the files and from a ledger that they were imported into


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
