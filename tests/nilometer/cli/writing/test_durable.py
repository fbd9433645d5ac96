"""What is promised to last: its content is written out before its name, and its name before anybody says so."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nilometer.drive.evidence_file import EvidenceFile
from nilometer.textio.durable import make_folders, sync_folder, write_file
from tests.nilometer.cli.calling import Desk
from tests.paths import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows writes out no folders")


class Calls:
    """What was asked of the system, in its order: a file or folder written out, and a name that was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, object]] = []
        fsync, replace, rename, link = os.fsync, os.replace, os.rename, os.link

        def sync(file: int) -> None:
            self.made.append(("written out", os.fstat(file).st_ino))
            fsync(file)

        def naming(call: Callable[..., None]) -> Callable[..., None]:
            def name(source: str | Path, target: str | Path) -> None:
                call(source, target)
                self.made.append(("named", os.path.realpath(target)))

            return name

        monkeypatch.setattr(os, "fsync", sync)
        for named, call in (("replace", replace), ("rename", rename), ("link", link)):
            monkeypatch.setattr(os, named, naming(call))

    def last(self, kind: str, what: object) -> int:
        """Where the last call of a kind stands; -1 if there was none."""
        return max((number for number, call in enumerate(self.made) if call == (kind, what)), default=-1)

    def assert_lasts(self, file: Path) -> None:
        """The file was written out, and after it and its naming its folder; it may have grown since."""
        content = next((number for number, (_, what) in enumerate(self.made) if what == file.stat().st_ino), -1)
        named = self.last("named", os.path.realpath(file))
        folder = self.last("written out", file.parent.stat().st_ino)
        assert content >= 0, f"{file.name} was not written out"
        assert folder > max(content, named), f"the name {file.name} was not written out"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


def test_every_file_that_a_command_leaves_lasts(desk: Desk, calls: Calls) -> None:
    desk.with_history()
    out = desk.folder / "out"
    out.mkdir()
    key, kept = out / "seal.key", out / "checkpoint"
    for arguments in (
        ("key", "new", "ledger.example/hv", "-o", str(key)),
        ("seal", "--key", str(key), "--checkpoint", str(kept)),
        ("export", "-o", str(out / "history.jsonl")),
        ("export", "--as", "parquet", "-o", str(out / "new" / "parquet")),
        ("backup", str(out / "backup.db")),
        ("report", "-o", str(out / "report.html")),
        ("evidence", "-o", str(out / "evidence")),
    ):
        done = desk.call(*arguments)
        assert done.code == 0, done.err
    files = [key, kept, *(out / name for name in ("history.jsonl", "backup.db", "report.html"))]
    files += [file for folder in ("new", "evidence") for file in sorted((out / folder).rglob("*")) if file.is_file()]
    assert len(files) > 12
    for file in files:
        calls.assert_lasts(file)
    folders = [out / "new", *(folder for folder in (out / "new").rglob("*") if folder.is_dir())]
    for folder in folders:
        assert calls.last("written out", folder.parent.stat().st_ino) >= 0, folder
    evidence = calls.last("named", os.path.realpath(out / "evidence"))
    assert calls.last("written out", out.stat().st_ino) > evidence >= 0


def test_the_first_safe_record_of_evidence_lasts_also_in_a_file_that_another_record_made(
    tmp_path: Path, calls: Calls
) -> None:
    file = EvidenceFile(tmp_path / "hv01" / "web01.jsonl", scenario="hv01", vm="web01")
    file.append("note")
    file.append("intent", safe=True)
    calls.assert_lasts(file.path)
    assert calls.last("written out", tmp_path.stat().st_ino) >= 0


def test_what_cannot_be_written_leaves_the_file_as_it_was_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "checkpoint"
    write_file(target, b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_file(target, b"two")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("checkpoint", b"one")]


def test_a_file_system_that_writes_out_no_folders_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_folders(_: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", no_folders)
    sync_folder(tmp_path)
    make_folders(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_there_is_one_way_to_write_a_file_out() -> None:
    found = [
        file.relative_to(ROOT).as_posix()
        for file in sorted((ROOT / "nilometer").rglob("*.py"))
        if re.search(r"\bfsync\(", file.read_text("utf-8"))
    ]
    assert found == ["nilometer/textio/durable.py"]
