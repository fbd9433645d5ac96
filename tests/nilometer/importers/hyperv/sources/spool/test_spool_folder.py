"""A spool's folder: each day once, what waits in ``changes``, and nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.observed.events import VmChangeRequested, VmObserved
from domain.observed.words import OWN_CHANGE
from nilometer import Ledger, import_hyperv
from nilometer.importers.importing import ImportedFile
from tests.nilometer.importers.hyperv.recorded import ModuleSpool, RecordedChange
from tests.nilometer.importers.hyperv.synthetic import Json, vm

CHANGE = RecordedChange()
DAY = "HV01-20261123.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spool's folder."""
    (tmp_path / "spool" / "changes").mkdir(parents=True)
    return tmp_path / "spool"


def polls(count: int = 3) -> ModuleSpool:
    """Polls of a VM to which nothing happens."""
    spool = ModuleSpool()
    for minute in range(count):
        spool.poll2(minute, vm())
    return spool


def drop(folder: Path, content: Json, ending: str, host: str = "HV01") -> Path:
    """A file in ``changes``, as an operator's session makes it."""
    path = folder / "changes" / f"{host}-20261123T090212.0000000Z-{content.get('id')}.{ending}.json"
    path.write_text(json.dumps(content))
    return path


def taken(folder: Path) -> tuple[list[ImportedFile], list[tuple[str, str, str | None]]]:
    """The result of importing the folder into its ledger, and who changed what."""
    with Ledger.open(f"sqlite:///{folder.parent}/ledger.db", create=True) as ledger:
        files = import_hyperv(ledger, folder, actor="nightly", final=True)
        who = [
            (
                row.metadata.actor,
                row.metadata.via,
                row.event.asked if isinstance(row.event, VmChangeRequested) else row.event.told,
            )
            for row in ledger.events()
            if isinstance(row.event, VmChangeRequested)
            or (isinstance(row.event, VmObserved) and row.event.label == OWN_CHANGE)
        ]
    return files, who


def test_a_day_that_is_there_twice_is_read_once(folder: Path) -> None:
    data = polls().data
    packed = gzip.compress(data)
    for plain, other, read in (
        (data, packed, DAY),
        (data, packed[:-20], DAY),
        (data + b"\n", packed, DAY),
        (data[:-5], packed, f"{DAY}.gz"),
        (b"", packed, f"{DAY}.gz"),
    ):
        (folder / DAY).write_bytes(plain)
        (folder / f"{DAY}.gz").write_bytes(other)
        files, _ = taken(folder)
        assert [Path(file.file).name for file in files] == [read], (len(plain), len(other))


def test_two_files_of_a_day_that_differ_are_both_read(folder: Path) -> None:
    spool = polls(4)
    (folder / DAY).write_bytes(b"".join(spool.lines[2:]))
    (folder / f"{DAY}.gz").write_bytes(gzip.compress(b"".join(spool.lines[:2])))
    files, _ = taken(folder)
    assert [Path(file.file).name for file in files] == [DAY, f"{DAY}.gz"]
    assert sum(file.records for file in files) == 8


def test_what_no_host_has_seen_is_told_as_that_and_once(folder: Path) -> None:
    spool = polls()
    (folder / DAY).write_bytes(spool.data)
    dropped = [drop(folder, CHANGE.begun(), "begun"), drop(folder, CHANGE.end(), "end")]
    files, who = taken(folder)
    assert [Path(file.file).name for file in files] == [DAY, "changes"]
    told = [("CONTOSO\\anna", "powershell (the host has not seen this)", "Set-VMMemory web01 -StartupBytes 8GB")]
    assert who == told

    spool.poll2(3, vm(8192, 8192)).pair(3.01, CHANGE)  # then a poll takes them in
    (folder / DAY).write_bytes(spool.data)
    for path in dropped:
        path.unlink()
    assert taken(folder)[1] == told


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"])
def test_a_time_that_cannot_be_ends_no_import(folder: Path, time: str) -> None:
    (folder / DAY).write_bytes(polls().data)
    drop(folder, CHANGE.begun(time=time), "begun")
    drop(folder, CHANGE.end(time=time), "end")
    assert [actor for actor, _, _ in taken(folder)[1]] == ["CONTOSO\\anna"]


def test_all_else_is_passed_over_and_counted(folder: Path) -> None:
    (folder / DAY).write_bytes(polls().data)
    (folder / "notes.txt").write_text("mine")
    (folder / f"{DAY}.gz.new").write_bytes(b"half")
    (folder / "changes" / "README").write_text("mine")
    (folder / "secret").write_text(json.dumps(CHANGE.begun()))
    link = folder / "changes" / "HV01-link.begun.json"
    link.symlink_to(folder / "secret")
    drop(folder, {"schema": 2, "kind": "poll", "id": CHANGE.id}, "begun")
    drop(folder, CHANGE.begun(host="HV02"), "begun", "HV02")
    (folder / "changes" / "HV01-large.json").write_bytes(b" " * 70_000)
    (folder / "changes" / "HV01-bytes.json").write_bytes(b"\xff")
    (day, waiting), who = taken(folder)
    assert who == []
    assert day.remarks == {"passed over": 5}
    assert waiting.remarks == {"no change": 4}
    assert "".join(waiting.notes).count("it is not a file") == 1
    assert waiting.records == 0


def test_folders_of_several_hosts_are_read_together(tmp_path: Path, folder: Path) -> None:
    (folder / DAY).write_bytes(polls().data)
    other = tmp_path / "HV02"
    (other / "changes").mkdir(parents=True)
    spool = ModuleSpool("HV02")
    (other / "HV02-20261123.jsonl").write_bytes(spool.poll2(0).data)
    (tmp_path / "get-vm.jsonl").write_bytes(polls().data)
    with Ledger.open(f"sqlite:///{tmp_path}/other.sqlite", create=True) as ledger:
        files = import_hyperv(ledger, tmp_path, actor="nightly", final=True)
    assert [Path(file.file).name for file in files] == ["get-vm.jsonl", "HV02-20261123.jsonl", DAY]


def test_a_folder_without_changes_stands_for_all_its_files(folder: Path) -> None:
    (folder / "changes").rmdir()
    (folder / DAY).write_bytes(polls().data)
    (folder / "more.jsonl").write_bytes(ModuleSpool("HV02").poll2(0).data)
    files, _ = taken(folder)
    assert [Path(file.file).name for file in files] == [DAY, "more.jsonl"]


def test_a_reader_who_may_not_list_changes_reads_the_days(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / DAY).write_bytes(polls().data)
    listing = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "changes":  # root may list everything, so no right can be taken away here
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    (day,), _ = taken(folder)
    assert day.remarks == {"passed over": 1}
    assert day.records == 6
