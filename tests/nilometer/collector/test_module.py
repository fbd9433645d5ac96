"""``nilo collector`` writes the module."""

from __future__ import annotations

from pathlib import Path

from nilometer.collector.module import FILES, module_version, read_files
from tests.nilometer.cli.calling import Desk


def test_the_module_is_written_whole_with_the_version_of_nilo(tmp_path: Path) -> None:
    said = Desk(tmp_path).call("collector", "-o", str(tmp_path / "new" / "Nilometer"))
    assert (said.code, said.out) == (0, "")
    assert "Import-Module Nilometer.psd1" in said.err
    folder = tmp_path / "new" / "Nilometer"
    written = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert written == read_files()
    assert set(written) == set(FILES)
    assert f"ModuleVersion        = '{module_version()}'" in written["Nilometer.psd1"].decode()
    assert all(content.isascii() for content in written.values())


def test_an_older_module_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "Nilometer.psm1").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    assert Desk(tmp_path).call("collector", "-o", str(tmp_path)).code == 0
    assert (tmp_path / "Nilometer.psm1").read_bytes() == read_files()["Nilometer.psm1"]
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_without_a_folder_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    said = Desk(tmp_path).call("collector")
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith("error: no folder is named for the module\nhint: nilo collector -o Nilometer\n")


def test_a_folder_that_cannot_be_made_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    said = Desk(tmp_path).call("collector", "-o", str(tmp_path / "file"))
    assert said.code == 2
    assert said.err.startswith(f"error: {tmp_path / 'file'}")
    assert (tmp_path / "file").read_text() == "mine"
